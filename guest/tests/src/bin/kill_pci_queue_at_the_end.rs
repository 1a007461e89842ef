//! A queue that reaches over the end of memory by its last bytes ends the Guest.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::device_page::TYPE_CONSOLE;
use kit::pci::Function;
use kit::{boot_params, report};

kit::guest_test!(kill_pci_queue_at_the_end);

fn kill_pci_queue_at_the_end() {
    let device = Function::find(TYPE_CONSOLE, 0).expect("every Guest has a console");
    report::expect_kill("which it does not have");
    device.negotiate(0);
    let end = u64::from(boot_params::memory_size());
    device.place_queue(0, 8, [0x1000, 0x2000, end - 68]);
}
