//! On PCI there is no NOTIFY, wherever it points.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::hypercall::Call;
use kit::{GuestPhys, report};

kit::guest_test!(kill_pci_notify);

fn kill_pci_notify() {
    report::expect_kill("notified 0x00100000, where no device is");
    Call::notify(GuestPhys(0x10_0000)).make();
}
