//! A kernel stack that is mapped read-only ends the Guest.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::hypercall::LHCALL_SET_STACK;
use kit::frames::Frame;
use kit::page_table::Entry;
use kit::paging::{Root, WINDOW};
use kit::{PAGE_SIZE, report, trespass};

kit::guest_test!(kill_stack_read_only);

fn kill_stack_read_only() {
    let frame = Frame::alloc();
    Root::current().map(WINDOW, &frame, Entry::P | Entry::A | Entry::D);
    report::expect_kill("has a kernel stack whose page 0xf8000000 it did not map writable");
    trespass::hypercall(LHCALL_SET_STACK, [0x69, WINDOW.0 + PAGE_SIZE, 1]);
}
