//! A trap frame is pushed correctly across the border of two pages that are not neighbours in
//! memory.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::frames::Frame;
use kit::local::Local;
use kit::page_table::Entry;
use kit::paging::{Root, WINDOW};
use kit::traps::{self, TrapFrame, Verdict};
use kit::{GuestLinear, PAGE_SIZE, report, trespass};

kit::guest_test!(frame_across_pages);

const BORDER: GuestLinear = GuestLinear(WINDOW.0 + PAGE_SIZE);

static PAGES: Local<Option<[Frame; 3]>> = Local::new(None);

fn frame_across_pages() {
    let frames = [Frame::alloc(), Frame::alloc(), Frame::alloc()];
    // In memory the lower page follows the upper one, with a third between them.
    Root::current().map(WINDOW, &frames[2], Entry::KERNEL);
    Root::current().map(BORDER, &frames[0], Entry::KERNEL);
    frames[1].fill(0x5A5A_5A5A);
    PAGES.with(|pages| *pages = Some(frames));
    traps::handle(0, look);
    trespass::fault_with_stack_at(GuestLinear(BORDER.0 + 4)); // EFLAGS above the border, CS and EIP below
}

fn look(frame: &mut TrapFrame) -> Verdict {
    PAGES.with(|pages| {
        let [upper, between, lower] = pages.as_ref().expect("they were put there");
        assert_eq!(upper.read(0), frame.eflags);
        assert_eq!((lower.read(4092), lower.read(4088)), (frame.cs, frame.eip));
        assert_eq!(between.read(4092), 0x5A5A_5A5A, "the page between was not touched");
        assert_eq!(frame.cs, 0x61);
    });
    report::pass()
}
