//! A mapping in the area that belongs to the Switcher ends the Guest.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::frames::Frame;
use kit::hypercall::Call;
use kit::page_table::Entry;
use kit::paging::Root;
use kit::{GuestLinear, report};

kit::guest_test!(kill_switcher_mapped);

fn kill_switcher_mapped() {
    let frame = Frame::alloc();
    report::expect_kill("maps 0xffc01000, which belongs to the Switcher");
    let entry = Entry::new(frame.phys(), Entry::KERNEL);
    Call::set_pte(Root::current().phys(), GuestLinear(0xFFC0_1000), entry).make();
}
