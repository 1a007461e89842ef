//! A handler maps the page that was missing, and the instruction succeeds when it runs again.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::local::Local;
use kit::page_table::Entry;
use kit::paging::Root;
use kit::traps::{self, TrapFrame, Verdict};
use kit::{GuestLinear, PAGE_SIZE, probe};

kit::guest_test!(fault_maps_page);

const START: GuestLinear = GuestLinear(0x4000_0000);
const PAGES: u32 = 300; // five pages apart, so in more than one page table

static FAULTS: Local<u32> = Local::new(0);

fn fault_maps_page() {
    traps::handle(14, map);
    for page in 0..PAGES {
        let at = GuestLinear(START.0 + page * 5 * PAGE_SIZE);
        assert_eq!(probe::write(at, page), Ok(()));
        assert_eq!(probe::read(at), Ok(page));
    }
    assert_eq!(FAULTS.get(), PAGES, "one fault for each page, none for what is mapped");
}

fn map(frame: &mut TrapFrame) -> Verdict {
    let at = frame.exception().cr2;
    FAULTS.with(|faults| *faults += 1);
    Root::current().map_fresh(at, Entry::KERNEL);
    Verdict::Resume
}
