//! A directory entry whose table lies beyond the Guest's memory ends the Guest.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::page_table::Entry;
use kit::paging::Root;
use kit::{GuestLinear, probe, report};

kit::guest_test!(kill_table_beyond_memory);

const AT: GuestLinear = GuestLinear(0x4000_0000);

fn kill_table_beyond_memory() {
    report::expect_kill("has page-directory entry 0xff000063 for 0x40000000");
    Root::current().set_directory(AT, Entry(0xFF00_0000 | Entry::KERNEL));
    kit::println!("by a table of the Host's: {:x?}", probe::read(AT));
}
