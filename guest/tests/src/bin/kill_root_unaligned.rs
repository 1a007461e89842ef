//! A page directory that does not begin at a page ends the Guest.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::hypercall::LHCALL_NEW_PGTABLE;
use kit::paging::Root;
use kit::{report, trespass};

kit::guest_test!(kill_root_unaligned);

fn kill_root_unaligned() {
    report::expect_kill("switched to a page directory at physical");
    trespass::hypercall(LHCALL_NEW_PGTABLE, [Root::kernel().phys().0 + 0x20, 0, 0]);
}
