//! Queued calls are carried out oldest first, before the call that empties the ring, and a full
//! ring loses none.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::frames::Frame;
use kit::page_table::Entry;
use kit::paging::Root;
use kit::{GuestLinear, PAGE_SIZE, lazy, probe};

kit::guest_test!(lazy_order);

const START: GuestLinear = GuestLinear(0x4000_0000);

fn lazy_order() {
    let frames = [1, 2, 3].map(|value| {
        let frame = Frame::alloc();
        frame.fill(value);
        frame
    });
    let root = Root::current();
    lazy::batch(|| frames.iter().for_each(|frame| root.map(START, frame, Entry::KERNEL)));
    assert_eq!(probe::read(START), Ok(3), "the last of three wins");
    lazy::batch(|| {
        root.unmap(START);
        root.map(START, &frames[0], Entry::KERNEL);
    });
    assert_eq!(probe::read(START), Ok(1));

    let pages = || (0..200u32).map(|page| GuestLinear(START.0 + page * PAGE_SIZE));
    lazy::batch(|| {
        for (at, frame) in pages().zip(frames.iter().cycle()) {
            root.map(at, frame, Entry::KERNEL);
        }
    });
    for (at, value) in pages().zip([1, 2, 3].into_iter().cycle()) {
        assert_eq!(probe::read(at), Ok(value), "at {at}");
    }
}
