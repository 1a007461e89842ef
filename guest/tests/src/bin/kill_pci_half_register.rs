//! Half of a register is none: writing it ends the Guest.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::Width::Word;
use abi::device_page::TYPE_CONSOLE;
use abi::pci::DRIVER_FEATURE;
use kit::pci::Function;
use kit::report;

kit::guest_test!(kill_pci_half_register);

fn kill_pci_half_register() {
    let device = Function::find(TYPE_CONSOLE, 0).expect("every Guest has a console");
    report::expect_kill("touched 2 bytes at offset 12 of a device");
    device.write(DRIVER_FEATURE, Word, 1);
}
