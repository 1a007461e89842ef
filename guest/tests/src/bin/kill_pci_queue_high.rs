//! A queue at 4 GiB or above ends the Guest.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::device_page::TYPE_CONSOLE;
use kit::pci::Function;
use kit::report;

kit::guest_test!(kill_pci_queue_high);

fn kill_pci_queue_high() {
    let device = Function::find(TYPE_CONSOLE, 0).expect("every Guest has a console");
    report::expect_kill("beyond 4 GiB");
    device.negotiate(0);
    device.place_queue(0, 8, [0x1000, 1 << 32, 0x3000]);
}
