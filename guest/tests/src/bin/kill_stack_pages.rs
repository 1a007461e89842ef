//! A kernel stack of three pages ends the Guest: the Host keeps them all mapped, and has agreed to
//! two.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::hypercall::LHCALL_SET_STACK;
use kit::{report, trespass};

kit::guest_test!(kill_stack_pages);

fn kill_stack_pages() {
    report::expect_kill("set a kernel stack with selector 0x69 and 3 pages");
    trespass::hypercall(LHCALL_SET_STACK, [0x69, 0xC010_0000, 3]);
}
