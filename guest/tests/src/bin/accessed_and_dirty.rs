//! A read sets the accessed bit in the Guest's own table and leaves the dirty bit; a write sets
//! both. This holds too if the entry was announced as accessed, so that the Host installed it at
//! once: the first write must still be noticed.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::frames::Frame;
use kit::page_table::Entry;
use kit::paging::Root;
use kit::{GuestLinear, probe};

kit::guest_test!(accessed_and_dirty);

const AT: GuestLinear = GuestLinear(0x4000_0000);

fn accessed_and_dirty() {
    let frame = Frame::alloc();
    for flags in [Entry::P | Entry::RW, Entry::P | Entry::RW | Entry::A] {
        Root::current().map(AT, &frame, flags);
        assert_eq!(seen() & Entry::D, 0);
        assert_eq!(probe::read(AT), Ok(0));
        assert_eq!(seen() & (Entry::A | Entry::D), Entry::A, "after a read, from {flags:#x}");
        assert_eq!(probe::write(AT, 0), Ok(()));
        assert_eq!(seen() & (Entry::A | Entry::D), Entry::A | Entry::D, "after a write, from {flags:#x}");
    }
    Root::current().map(AT, &frame, Entry::P | Entry::RW);
    assert_eq!(probe::write(AT, 0), Ok(()));
    assert_eq!(seen() & (Entry::A | Entry::D), Entry::A | Entry::D, "after a write at first touch");
}

fn seen() -> u32 {
    Root::current().entry(AT).expect("it was mapped").flags()
}
