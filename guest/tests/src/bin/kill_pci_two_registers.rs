//! Two registers at once are none: reading them ends the Guest.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::Width::Dword;
use abi::device_page::TYPE_CONSOLE;
use abi::pci::DEVICE_STATUS;
use kit::pci::Function;
use kit::report;

kit::guest_test!(kill_pci_two_registers);

fn kill_pci_two_registers() {
    let device = Function::find(TYPE_CONSOLE, 0).expect("every Guest has a console");
    report::expect_kill("touched 4 bytes at offset 20 of a device");
    device.read(DEVICE_STATUS, Dword);
}
