//! What is announced is seen at once; what is not is seen after a flush that covers it. No
//! translation outlives that.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::frames::Frame;
use kit::hypercall::Call;
use kit::page_table::Entry;
use kit::paging::{Root, WINDOW};
use kit::{GuestLinear, probe};

kit::guest_test!(stale_translations);

const USER: GuestLinear = GuestLinear(0x4000_0000);

fn stale_translations() {
    let frames = [1, 2].map(|value| {
        let frame = Frame::alloc();
        frame.fill(value);
        frame
    });
    let root = Root::current();
    let point = |at, which: usize| root.write(at, Entry::new(frames[which].phys(), Entry::KERNEL));
    for (at, flush) in [(USER, Call::FLUSH_USER), (USER, Call::FLUSH_ALL), (WINDOW, Call::FLUSH_ALL)] {
        root.map(at, &frames[0], Entry::KERNEL);
        assert_eq!(probe::read(at), Ok(1));
        point(at, 1);
        flush.make();
        assert_eq!(probe::read(at), Ok(2), "{flush:?}");
        point(at, 0);
        root.announce(at);
        assert_eq!(probe::read(at), Ok(1), "announced");
        point(at, 1);
        Call::set_pte(root.phys(), at, Entry::ABSENT).make();
        assert_eq!(probe::read(at), Ok(2), "a zero entry is how one page is flushed");
        root.unmap(at);
        assert!(probe::read(at).is_err());
    }
    Call::set_pte(root.phys(), GuestLinear(0x7654_3000), Entry::ABSENT).make(); // never mapped: no harm
}
