//! A kick of a queue that has not been set up ends the Guest.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::Width::Word;
use abi::device_page::TYPE_CONSOLE;
use abi::pci::NOTIFY;
use kit::pci::Function;
use kit::report;

kit::guest_test!(kill_pci_kick);

fn kill_pci_kick() {
    let device = Function::find(TYPE_CONSOLE, 0).expect("every Guest has a console");
    report::expect_kill("kicked queue 1 of a device");
    device.write(NOTIFY, Word, 1);
}
