//! Ring 3 gets the pages that are open to it, with the rights they have, and no others.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::frames::Frame;
use kit::page_table::Entry;
use kit::paging::Root;
use kit::user::{self, Outcome, programs};
use kit::{GuestLinear, PAGE_OFFSET};

kit::guest_test!(user_rights);

const AT: GuestLinear = GuestLinear(0x4000_0000);
const USER: u32 = Entry::P | Entry::US;

fn user_rights() {
    let frame = Frame::alloc();
    frame.fill(9);
    Root::current().map(AT, &frame, USER | Entry::RW);
    assert_eq!(user::run(programs::read_at(), [AT.0, 0, 0]), Outcome::Exited(9));
    assert_eq!(user::run(programs::write_at(), [AT.0, 8, 0]), Outcome::Exited(AT.0));
    assert_eq!(frame.read(0), 8);

    Root::current().map(AT, &frame, USER);
    assert_eq!(code(programs::write_at(), AT), 7, "present, write, user");
    Root::current().map(AT, &frame, Entry::KERNEL);
    assert_eq!(code(programs::read_at(), AT), 5, "present, read, user");
    Root::current().unmap(AT);
    assert_eq!(code(programs::read_at(), AT), 4, "absent, read, user");
    assert_eq!(code(programs::read_at(), GuestLinear(PAGE_OFFSET + 0x10_0000)), 5, "the kernel's text");
}

/// The error code of the page fault that `program` runs into at `at`.
fn code(program: &[u8], at: GuestLinear) -> u32 {
    match user::run(program, [at.0, 0, 0]) {
        Outcome::Trapped(fault) if fault.vector == 14 && fault.cr2 == at && fault.ring == 3 => fault.code,
        other => panic!("expected a page fault at {at}: {other:?}"),
    }
}
