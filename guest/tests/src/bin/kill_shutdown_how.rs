//! A shutdown that is neither a power-off nor a restart ends the Guest as a kill.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::{report, trespass};

kit::guest_test!(kill_shutdown_how);

fn kill_shutdown_how() {
    report::expect_kill("made SHUTDOWN with 3, neither power-off (1) nor restart (2)");
    trespass::hypercall(abi::hypercall::LHCALL_SHUTDOWN, [0x10_0000, 3, 0]);
}
