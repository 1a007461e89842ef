//! A directory entry that was changed and announced takes its four megabytes with it.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::frames::Frame;
use kit::page_table::Entry;
use kit::paging::Root;
use kit::{GuestLinear, probe};

kit::guest_test!(directory_entry);

const HERE: GuestLinear = GuestLinear(0x4000_0000);
const THERE: GuestLinear = GuestLinear(0x4040_0000);

fn directory_entry() {
    let root = Root::current();
    let frames = [1, 2].map(|value| {
        let frame = Frame::alloc();
        frame.fill(value);
        frame
    });
    root.map(HERE, &frames[0], Entry::KERNEL);
    root.map(THERE, &frames[1], Entry::KERNEL);
    assert_eq!((probe::read(HERE), probe::read(THERE)), (Ok(1), Ok(2)));
    let (here, there) = (root.directory(HERE), root.directory(THERE));
    root.set_directory(HERE, there);
    root.set_directory(THERE, here);
    assert_eq!((probe::read(HERE), probe::read(THERE)), (Ok(2), Ok(1)), "exchanged");
    root.set_directory(HERE, Entry::ABSENT);
    assert!(probe::read(HERE).is_err() && probe::read(THERE) == Ok(1));
    root.set_directory(HERE, Entry(there.0 & !Entry::RW));
    assert_eq!(probe::read(HERE), Ok(2));
    let fault = probe::write(HERE, 3).expect_err("the directory makes it read-only");
    assert_eq!((fault.vector, fault.code), (14, 3));
}
