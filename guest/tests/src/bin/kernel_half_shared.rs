//! A change to the kernel half, announced in one address space, holds in all of them.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::frames::Frame;
use kit::page_table::Entry;
use kit::paging::{Root, Space, WINDOW};
use kit::probe;

kit::guest_test!(kernel_half_shared);

fn kernel_half_shared() {
    let frames = [1, 2].map(|value| {
        let frame = Frame::alloc();
        frame.fill(value);
        frame
    });
    let other = Space::new();
    Root::kernel().map(WINDOW, &frames[0], Entry::KERNEL);
    for root in [Root::kernel(), other.root()] {
        root.switch_to();
        assert_eq!(probe::read(WINDOW), Ok(1), "both have it, and have touched it");
    }
    Root::kernel().map(WINDOW, &frames[1], Entry::KERNEL);
    assert_eq!(probe::read(WINDOW), Ok(2), "announced for the other space, seen here");
    other.root().unmap(WINDOW);
    assert!(probe::read(WINDOW).is_err());
    Root::kernel().switch_to();
    assert!(probe::read(WINDOW).is_err(), "announced there, gone here");
}
