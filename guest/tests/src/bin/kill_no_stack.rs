//! A trap with no stack to push its frame on ends the Guest.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::{GuestLinear, report, trespass};

kit::guest_test!(kill_no_stack);

fn kill_no_stack() {
    report::expect_kill("has no writable stack at 0x2000fff4 to deliver vector 0 on");
    trespass::fault_with_stack_at(GuestLinear(0x2001_0000));
}
