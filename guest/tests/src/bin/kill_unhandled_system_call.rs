//! `int 0x80` before the kernel has a gate for it is #GP in ring 3; without a gate for that either,
//! the Guest ends.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::user::{self, programs};
use kit::{report, traps};

kit::guest_test!(kill_unhandled_system_call);

fn kill_unhandled_system_call() {
    traps::unload_gate(0x80);
    traps::unload_gate(13);
    report::expect_kill("#GP (vector 13) at 0x0804");
    user::run(programs::exit_at_once(), [0; 3]);
}
