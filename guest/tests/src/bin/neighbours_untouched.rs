//! Touching one page says nothing about its neighbours: whatever the Host fills in ahead, the
//! accessed bit of a page that was never touched stays clear.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::frames::Frame;
use kit::page_table::Entry;
use kit::paging::Root;
use kit::{GuestLinear, PAGE_SIZE, probe};

kit::guest_test!(neighbours_untouched);

const START: GuestLinear = GuestLinear(0x4000_0000);
const PAGES: u32 = 32;

fn neighbours_untouched() {
    let frame = Frame::alloc();
    let at = |page: u32| GuestLinear(START.0 + page * PAGE_SIZE);
    let root = Root::current();
    (0..PAGES).for_each(|page| root.map(at(page), &frame, Entry::P | Entry::RW));
    for page in (0..PAGES).step_by(3) {
        assert_eq!(probe::read(at(page)), Ok(0));
    }
    for page in 0..PAGES {
        let accessed = root.entry(at(page)).is_some_and(|entry| entry.has(Entry::A));
        assert_eq!(accessed, page % 3 == 0, "page {page}");
    }
}
