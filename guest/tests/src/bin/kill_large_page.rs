//! A large page ends the Guest: it would show 4 MiB where one page was checked.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::page_table::Entry;
use kit::paging::Root;
use kit::{GuestLinear, probe, report};

kit::guest_test!(kill_large_page);

const AT: GuestLinear = GuestLinear(0x4000_0000);

fn kill_large_page() {
    report::expect_kill("has page-directory entry 0x004000e3 for 0x40000000");
    Root::current().set_directory(AT, Entry(0x0040_0000 | Entry::KERNEL | Entry::PS));
    kit::println!("the large page holds {:x?}", probe::read(AT));
}
