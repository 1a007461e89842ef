//! A directory that serves as one of its own tables shows the Guest its own tables, never the
//! Host's shadows of them, and what is written there counts like any other change.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::frames::Frame;
use kit::hypercall::Call;
use kit::page_table::{Entry, directory_index, table_index};
use kit::paging::Root;
use kit::{GuestLinear, PAGE_SIZE, probe};

kit::guest_test!(recursive_tables);

const HERE: GuestLinear = GuestLinear(0x4040_3000);
/// Four megabytes in which every table of the address space appears as a page.
const TABLES: GuestLinear = GuestLinear(0x8000_0000);

fn recursive_tables() {
    let root = Root::current();
    let frames = [1, 2].map(|value| {
        let frame = Frame::alloc();
        frame.fill(value);
        frame
    });
    root.map(HERE, &frames[0], Entry::KERNEL);
    root.set_directory(TABLES, Entry::new(root.phys(), Entry::DIRECTORY));
    let table = TABLES.0 + directory_index(HERE) * PAGE_SIZE;
    let slot = GuestLinear(table + table_index(HERE) * 4);
    assert_eq!(probe::read(slot), Ok(frames[0].phys().0 | Entry::KERNEL), "the Guest's own entry");
    assert_eq!(probe::read(HERE), Ok(1));
    assert_eq!(probe::write(slot, frames[1].phys().0 | Entry::KERNEL), Ok(()));
    Call::FLUSH_USER.make();
    assert_eq!(probe::read(HERE), Ok(2), "written through the window, walked by the Host");
    root.set_directory(TABLES, Entry::ABSENT);
    assert!(probe::read(slot).is_err());
}
