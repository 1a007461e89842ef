//! A driver that is ready before features were agreed on ends its Guest.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::Width::Byte;
use abi::device_page::TYPE_CONSOLE;
use abi::pci::DEVICE_STATUS;
use kit::pci::Function;
use kit::report;

kit::guest_test!(kill_pci_ready_early);

fn kill_pci_ready_early() {
    let device = Function::find(TYPE_CONSOLE, 0).expect("every Guest has a console");
    report::expect_kill("moved a device's status from 0x3 to 0x7");
    [0, 1, 3, 7].into_iter().for_each(|status| device.write(DEVICE_STATUS, Byte, status));
}
