//! Ring 3 in memory that virtual-8086 mode could run from, below 1 MiB and 64 KiB. Where a Guest can get
//! into that mode the Host keeps it closed, and a program that touches it gets #GP, once; else it is
//! memory like any other. The kernel may use it everywhere, and so may all above.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::frames::Frame;
use kit::hypercall::Call;
use kit::page_table::Entry;
use kit::paging::Root;
use kit::user::{self, Outcome, programs};
use kit::{GuestLinear, PAGE_SIZE, println, probe};

kit::guest_test!(low_user_memory);

/// The end of it.
const END: u32 = 0x11_0000;

fn low_user_memory() {
    let frame = Frame::alloc();
    frame.fill(7);
    let is_closed = try_at(0x1_0000, &frame);
    println!("ring 3 {} use memory below {END:#x}", if is_closed { "may not" } else { "may" });
    for at in [0, PAGE_SIZE, 0xA_0000, END - PAGE_SIZE] {
        assert_eq!(try_at(at, &frame), is_closed, "{at:#x}");
    }
    for at in [END, END + PAGE_SIZE, 0x12_0000, 0x1F_F000, 0x20_0000, 0x40_0000] {
        assert!(!try_at(at, &frame), "{at:#x}");
    }
    look_from_both_sides(&frame, is_closed);
}

/// Whether ring 3 may not read or write at `at`. Neither what the kernel does there nor flushes make a
/// difference.
fn try_at(at: u32, frame: &Frame) -> bool {
    let at = GuestLinear(at);
    Root::current().map(at, frame, Entry::KERNEL | Entry::US);
    let mut closed = [false; 6];
    for (round, closed) in closed.iter_mut().enumerate() {
        match round {
            1 | 4 => assert_eq!(probe::read(at), Ok(7)),
            2 => Call::FLUSH_USER.make(),
            3 => Root::current().map(at, frame, Entry::KERNEL | Entry::US | Entry::A),
            _ => {}
        }
        let program = if round.is_multiple_of(2) { programs::read_at() } else { programs::write_at() };
        *closed = match user::run(program, [at.0, 7, 0]) {
            Outcome::Exited(_) => false,
            Outcome::Trapped(fault) => {
                assert_eq!((fault.vector, fault.code, fault.ring), (13, 0, 3), "{at}: {fault}");
                true
            }
        };
    }
    assert!(closed.iter().all(|&each| each == closed[0]), "{at}: {closed:?}");
    // What the Guest's own tables forbid is a page fault as ever.
    Root::current().map(at, frame, Entry::KERNEL);
    assert!(
        matches!(user::run(programs::read_at(), [at.0, 0, 0]), Outcome::Trapped(fault) if fault.vector == 14)
    );
    Root::current().unmap(at);
    assert!(
        matches!(user::run(programs::read_at(), [at.0, 0, 0]), Outcome::Trapped(fault) if fault.vector == 14)
    );
    closed[0]
}

/// Neighbours on either side of the border, filled in and changed together.
fn look_from_both_sides(frame: &Frame, is_closed: bool) {
    let pages = || (END - 4 * PAGE_SIZE..END + 4 * PAGE_SIZE).step_by(PAGE_SIZE as usize);
    kit::lazy::batch(|| {
        pages()
            .for_each(|at| Root::current().map(GuestLinear(at), frame, Entry::KERNEL | Entry::US | Entry::A));
    });
    for flush in [false, true] {
        assert_eq!(probe::read(GuestLinear(END - PAGE_SIZE)), Ok(7));
        assert_eq!(probe::read(GuestLinear(END)), Ok(7));
        if flush {
            Call::FLUSH_USER.make();
        }
        for at in pages() {
            let outcome = user::run(programs::read_at(), [at, 0, 0]);
            assert_eq!(outcome != Outcome::Exited(7), is_closed && at < END, "{at:#x}: {outcome:?}");
        }
    }
    pages().for_each(|at| Root::current().unmap(GuestLinear(at)));
}
