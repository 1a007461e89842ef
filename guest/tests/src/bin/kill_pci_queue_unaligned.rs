//! A queue that is not aligned ends the Guest.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::device_page::TYPE_CONSOLE;
use kit::pci::Function;
use kit::report;

kit::guest_test!(kill_pci_queue_unaligned);

fn kill_pci_queue_unaligned() {
    let device = Function::find(TYPE_CONSOLE, 0).expect("every Guest has a console");
    report::expect_kill("a part at 0x00001008, off its boundary");
    device.negotiate(0);
    device.place_queue(0, 8, [0x1008, 0x2000, 0x3000]);
}
