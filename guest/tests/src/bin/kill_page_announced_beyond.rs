//! A page-table entry beyond the Guest's memory ends the Guest when SET_PTE installs it, too.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::hypercall::LHCALL_SET_PTE;
use kit::page_table::Entry;
use kit::paging::Root;
use kit::{GuestLinear, probe, report, trespass};

kit::guest_test!(kill_page_announced_beyond);

const AT: GuestLinear = GuestLinear(0x4000_0000);

fn kill_page_announced_beyond() {
    let root = Root::current();
    root.set(AT, Entry::ABSENT); // there is a table for it now
    let entry = 0xFF00_0000 | Entry::KERNEL;
    report::expect_kill("has page-table entry 0xff000063 for 0x40000000");
    trespass::hypercall(LHCALL_SET_PTE, [root.phys().0, AT.0, entry]);
    root.write(AT, Entry(entry)); // an entry that is not installed at once is met at the fault
    kit::println!("the Host's memory holds {:x?}", probe::read(AT));
}
