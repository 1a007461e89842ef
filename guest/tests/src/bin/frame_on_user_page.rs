//! A trap frame may be pushed onto a page that is open to ring 3, if ring 1 may write it: the
//! rights that count are those of the ring that handles the trap.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::frames::Frame;
use kit::local::Local;
use kit::page_table::Entry;
use kit::paging::Root;
use kit::traps::{self, TrapFrame, Verdict};
use kit::{GuestLinear, PAGE_SIZE, report, trespass};

kit::guest_test!(frame_on_user_page);

const AT: GuestLinear = GuestLinear(0x4000_0000);

static PAGE: Local<Option<Frame>> = Local::new(None);

fn frame_on_user_page() {
    let frame = Frame::alloc();
    Root::current().map(AT, &frame, Entry::P | Entry::RW | Entry::US); // neither A nor D: never used
    PAGE.with(|page| *page = Some(frame));
    traps::handle(0, look);
    trespass::fault_with_stack_at(GuestLinear(AT.0 + PAGE_SIZE));
}

fn look(frame: &mut TrapFrame) -> Verdict {
    PAGE.with(|page| {
        let page = page.as_ref().expect("it was put there");
        assert_eq!((page.read(4092), page.read(4088), page.read(4084)), (frame.eflags, 0x61, frame.eip));
    });
    let entry = Root::current().entry(AT).expect("it was mapped");
    assert!(entry.has(Entry::A | Entry::D), "a push is a write, whoever makes it");
    report::pass()
}
