//! A page-table entry beyond the Guest's memory ends the Guest when it is used: this is the Host's
//! memory it asks for.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::page_table::Entry;
use kit::paging::Root;
use kit::{GuestLinear, GuestPhys, boot_params, probe, report};

kit::guest_test!(kill_page_beyond_memory);

const AT: GuestLinear = GuestLinear(0x4000_0000);

fn kill_page_beyond_memory() {
    let beyond = GuestPhys(boot_params::memory_size() + 0x10_0000); // behind the device pages
    Root::current().write(AT, Entry::new(beyond, Entry::KERNEL));
    report::expect_kill("has page-table entry");
    println_if_read(probe::read(AT));
}

fn println_if_read(read: probe::Probed<u32>) {
    kit::println!("the Host's memory holds {read:x?}");
}
