//! A trap frame is not pushed onto a page that ring 1 may only read: the Host, which could, does
//! not write there for a Guest that may not.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::frames::Frame;
use kit::page_table::Entry;
use kit::paging::Root;
use kit::{GuestLinear, PAGE_SIZE, report, trespass};

kit::guest_test!(kill_frame_on_read_only_page);

const AT: GuestLinear = GuestLinear(0x4000_0000);

fn kill_frame_on_read_only_page() {
    let frame = Frame::alloc();
    Root::current().map(AT, &frame, Entry::P | Entry::US | Entry::A | Entry::D);
    report::expect_kill("has no writable stack at 0x40000ff4 to deliver vector 0 on");
    trespass::fault_with_stack_at(GuestLinear(AT.0 + PAGE_SIZE));
}
