//! A page fault without a gate ends the Guest, and the sentence names the address.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::{GuestLinear, probe, report, traps};

kit::guest_test!(kill_unhandled_page_fault);

fn kill_unhandled_page_fault() {
    traps::unload_gate(14);
    report::expect_kill("error code 0x2, touching 0x12345678, and it has no handler for that");
    let _never_returns = probe::write(GuestLinear(0x1234_5678), 1);
}
