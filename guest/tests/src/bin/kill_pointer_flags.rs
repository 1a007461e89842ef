//! One of PAE's four pointers that carries more than its one flag ends the Guest: the CPU would
//! refuse it, too.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::dialect::Dialect;
use kit::page_table::Entry;
use kit::paging::Root;
use kit::{GuestLinear, probe, report};

kit::guest_test!(kill_pointer_flags);

const AT: GuestLinear = GuestLinear(0x4000_0000);

fn kill_pointer_flags() {
    if !Dialect::current().has_pae() {
        report::skip("this Guest has no PAE");
    }
    let root = Root::current();
    root.map_fresh(AT, Entry::KERNEL);
    let pointer = root.pointer(AT);
    root.set_pointer(AT, Entry(pointer.0 | Entry::RW));
    report::expect_kill("for 0x40000000: bad flags or beyond its memory");
    kit::println!("by way of a writable pointer: {:x?}", probe::read(AT));
}
