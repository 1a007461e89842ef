//! A kernel stack of ring 0 ends the Guest.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::hypercall::LHCALL_SET_STACK;
use kit::{report, trespass};

kit::guest_test!(kill_stack_selector);

fn kill_stack_selector() {
    report::expect_kill("set a kernel stack with selector 0x68 and 1 pages");
    trespass::hypercall(LHCALL_SET_STACK, [0x68, 0xC010_0000, 1]);
}
