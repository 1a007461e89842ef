//! A queue set up before features were agreed on ends the Guest.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::device_page::TYPE_CONSOLE;
use kit::pci::Function;
use kit::report;

kit::guest_test!(kill_pci_queue_early);

fn kill_pci_queue_early() {
    let device = Function::find(TYPE_CONSOLE, 0).expect("every Guest has a console");
    report::expect_kill("set up queue 0 of a device before");
    device.place_queue(0, 8, [0x1000, 0x2000, 0x3000]);
}
