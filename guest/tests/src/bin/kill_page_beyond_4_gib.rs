//! A PAE entry that leads beyond 4 GiB ends the Guest when it is met: its low dword alone names a
//! page the Guest has, so a Host that cuts the high one off maps the wrong page. The bit that forbids
//! execution is in the same dword, and means nothing.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::dialect::Dialect;
use kit::frames::Frame;
use kit::page_table::Entry;
use kit::paging::Root;
use kit::{GuestLinear, probe, report};

kit::guest_test!(kill_page_beyond_4_gib);

const AT: GuestLinear = GuestLinear(0x4000_0000);
const NO_EXECUTE: u32 = 1 << 31;

fn kill_page_beyond_4_gib() {
    if !Dialect::current().has_pae() {
        report::skip("this Guest has no PAE");
    }
    let (root, frame) = (Root::current(), Frame::alloc());
    root.map(AT, &frame, Entry::P | Entry::RW);
    root.write_high(AT, NO_EXECUTE);
    assert_eq!(probe::read(AT), Ok(0), "the bit means nothing");
    root.map(AT, &frame, Entry::P | Entry::RW);
    root.write_high(AT, 1);
    report::expect_kill("for 0x40000000: bad flags or beyond its memory");
    kit::println!("4 GiB further up there is {:x?}", probe::read(AT));
}
