//! A queue of a size that is no power of two ends the Guest.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::device_page::TYPE_CONSOLE;
use kit::pci::Function;
use kit::report;

kit::guest_test!(kill_pci_queue_size);

fn kill_pci_queue_size() {
    let device = Function::find(TYPE_CONSOLE, 0).expect("every Guest has a console");
    report::expect_kill("a virtqueue of 7 entries");
    device.negotiate(0);
    device.place_queue(0, 7, [0x1000, 0x2000, 0x3000]);
}
