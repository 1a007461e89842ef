//! A table of more descriptors than the GDT has ends the Guest: the thirty-third would land behind
//! the Host's copy.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::hypercall::LHCALL_LOAD_GDT;
use kit::frames::Frame;
use kit::{report, trespass};

kit::guest_test!(kill_gdt_length);

fn kill_gdt_length() {
    let table = Frame::alloc();
    report::expect_kill("loaded GDT entry 33, beyond the last");
    trespass::hypercall(LHCALL_LOAD_GDT, [table.phys().0, 33, 0]);
}
