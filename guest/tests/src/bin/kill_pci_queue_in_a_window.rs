//! A queue in the window of a device ends the Guest: no memory is there.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::Width::Dword;
use abi::device_page::TYPE_CONSOLE;
use abi::pci::BAR_0;
use kit::pci::{Function, read_config};
use kit::report;

kit::guest_test!(kill_pci_queue_in_a_window);

fn kill_pci_queue_in_a_window() {
    let device = Function::find(TYPE_CONSOLE, 0).expect("every Guest has a console");
    report::expect_kill("which it does not have");
    device.negotiate(0);
    let window = u64::from(read_config(device.slot, BAR_0, Dword)).next_multiple_of(4096);
    device.place_queue(0, 8, [0x1000, window, 0x3000]);
}
