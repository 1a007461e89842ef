//! A read-only page is read-only for ring 1 too.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::frames::Frame;
use kit::page_table::Entry;
use kit::paging::Root;
use kit::{GuestLinear, probe};

kit::guest_test!(write_protected);

const AT: GuestLinear = GuestLinear(0x4000_0000);

fn write_protected() {
    let frame = Frame::alloc();
    frame.fill(5);
    let root = Root::current();
    for flags in [Entry::P, Entry::P | Entry::A | Entry::D, Entry::P | Entry::US | Entry::D] {
        root.map(AT, &frame, flags);
        assert_eq!(probe::read(AT), Ok(5));
        let fault = probe::write(AT, 6).expect_err("the page is read-only");
        assert_eq!((fault.vector, fault.code, fault.cr2), (14, 3, AT));
    }
    assert_eq!(frame.read(0), 5);
    root.map(AT, &frame, Entry::KERNEL);
    assert_eq!(probe::write(AT, 6), Ok(()), "and writable once it is so");
    root.map(AT, &frame, Entry::P | Entry::A | Entry::D);
    assert!(probe::write(AT, 7).is_err(), "and read-only again: no stale permission");
}
