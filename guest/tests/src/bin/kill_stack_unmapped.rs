//! A kernel stack that is not mapped ends the Guest before ring 3 can trap onto it.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::hypercall::LHCALL_SET_STACK;
use kit::{report, trespass};

kit::guest_test!(kill_stack_unmapped);

fn kill_stack_unmapped() {
    report::expect_kill("has a kernel stack whose page 0x2000f000 it did not map writable");
    trespass::hypercall(LHCALL_SET_STACK, [0x69, 0x2001_0000, 1]);
}
