//! A power-off whose last words lie beyond memory ends the Guest as a kill.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::{report, trespass};

kit::guest_test!(kill_shutdown_text);

fn kill_shutdown_text() {
    report::expect_kill("named 128 bytes at physical 0xffffffc0");
    trespass::hypercall(abi::hypercall::LHCALL_SHUTDOWN, [0xFFFF_FFC0, 1, 0]);
}
