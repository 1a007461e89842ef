//! A flood of page faults all over the address space, a shadow table each, far more than the Host
//! keeps for this Guest: its pool runs dry again and again. Weakness 13 of the original Host.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kennel_guest_tests::for_a_while;
use kit::frames::Frame;
use kit::page_table::{DIRECTORY_SPAN, Entry};
use kit::paging::{Root, Space};
use kit::{GuestLinear, PAGE_OFFSET, lazy, probe};

kit::guest_test!(hostile_faults);

/// The first 4 MiB with a table of their own; all others of the user half share it.
const FIRST: GuestLinear = GuestLinear(DIRECTORY_SPAN);

fn hostile_faults() {
    let page = Frame::alloc();
    page.fill(0x600D);
    let spaces = [Space::new(), Space::new(), Space::new()];
    for root in spaces.iter().map(Space::root) {
        root.map(FIRST, &page, Entry::KERNEL);
        let table = root.directory(FIRST);
        lazy::batch(|| places().for_each(|at| root.set_directory(at, table)));
    }
    let mut turn = 0..;
    let rounds = for_a_while(|| {
        let root = spaces[turn.next().unwrap_or(0) % spaces.len()].root();
        root.switch_to();
        for at in places() {
            assert_eq!(probe::read(at), Ok(0x600D), "at {at}");
        }
    });
    assert!(rounds > 0);
    Root::kernel().switch_to();
    // Only one entry of each directory owns the table: the others must be gone before the space is.
    for root in spaces.iter().map(Space::root) {
        lazy::batch(|| places().skip(1).for_each(|at| root.set_directory(at, Entry::ABSENT)));
    }
}

fn places() -> impl Iterator<Item = GuestLinear> {
    (FIRST.0..PAGE_OFFSET).step_by(DIRECTORY_SPAN as usize).map(GuestLinear)
}
