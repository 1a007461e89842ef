//! A trap without a gate ends the Guest, with what is known about it.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::{probe, report, traps};

kit::guest_test!(kill_unhandled_trap);

fn kill_unhandled_trap() {
    traps::unload_gate(0);
    report::expect_kill("#DE (vector 0) at 0xc01");
    let _never_returns = probe::divide_by_zero();
}
