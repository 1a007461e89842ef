//! The stack for traps from ring 3 loses its page after it was set: a direct trap then has nowhere
//! to go, and the Host must live.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::hypercall::LHCALL_SET_STACK;
use kit::frames::Frame;
use kit::page_table::Entry;
use kit::paging::{Root, WINDOW};
use kit::user::{self, programs};
use kit::{PAGE_SIZE, report, trespass};

kit::guest_test!(kill_trap_stack_gone);

fn kill_trap_stack_gone() {
    let frame = Frame::alloc();
    Root::current().map(WINDOW, &frame, Entry::KERNEL);
    trespass::hypercall(LHCALL_SET_STACK, [0x69, WINDOW.0 + PAGE_SIZE, 1]);
    assert_eq!(user::run(programs::exit_at_once(), [1, 0, 0]), user::Outcome::Exited(1));
    report::expect_kill("stack");
    Root::current().unmap(WINDOW);
    user::run(programs::exit_at_once(), [1, 0, 0]);
}
