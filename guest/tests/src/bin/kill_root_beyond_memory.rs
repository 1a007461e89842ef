//! A page directory beyond the Guest's memory ends the Guest.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::hypercall::LHCALL_NEW_PGTABLE;
use kit::{report, trespass};

kit::guest_test!(kill_root_beyond_memory);

fn kill_root_beyond_memory() {
    report::expect_kill("switched to a page directory at physical 0xff000000");
    trespass::hypercall(LHCALL_NEW_PGTABLE, [0xFF00_0000, 0, 0]);
}
