//! A switch of page tables may wait in the ring between two changes: each change is made to the
//! tables it names, not to those in use when the ring is emptied.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::frames::Frame;
use kit::page_table::Entry;
use kit::paging::{Root, Space};
use kit::{GuestLinear, lazy, probe};

kit::guest_test!(lazy_switch);

const AT: GuestLinear = GuestLinear(0x4000_0000);

fn lazy_switch() {
    let (here, there) = (Frame::alloc(), Frame::alloc());
    here.fill(1);
    there.fill(2);
    let space = Space::new();
    Root::kernel().map(AT, &there, Entry::KERNEL);
    space.root().map(AT, &here, Entry::KERNEL);
    for round in 0..50 {
        let (kernel, other) = if round % 2 == 0 { (&here, &there) } else { (&there, &here) };
        lazy::batch(|| {
            Root::kernel().map(AT, kernel, Entry::KERNEL);
            space.root().switch_to();
            space.root().map(AT, other, Entry::KERNEL);
        });
        assert_eq!(probe::read(AT), Ok(other.read(0)), "round {round}, in the other space");
        Root::kernel().switch_to();
        assert_eq!(probe::read(AT), Ok(kernel.read(0)), "round {round}, at home");
    }
}
