//! A PAE entry that leads beyond 4 GiB ends the Guest when SET_PTE installs it, too: the high dword
//! comes in a fourth register, which no other call looks at.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::dialect::Dialect;
use kit::frames::Frame;
use kit::page_table::Entry;
use kit::paging::Root;
use kit::{GuestLinear, probe, report, trespass};

kit::guest_test!(kill_page_announced_beyond_4_gib);

const AT: GuestLinear = GuestLinear(0x4000_0000);

fn kill_page_announced_beyond_4_gib() {
    if !Dialect::current().has_pae() {
        report::skip("this Guest has no PAE");
    }
    let (root, frame) = (Root::current(), Frame::alloc());
    root.map(AT, &frame, Entry::KERNEL);
    let entry = root.entry(AT).expect("it was just mapped").0;
    trespass::announce_high(root, AT, entry, 0);
    assert_eq!(probe::read(AT), Ok(0), "no harm so far");
    report::expect_kill("for 0x40000000: bad flags or beyond its memory");
    trespass::announce_high(root, AT, entry, 1);
}
