//! The page tables that Guests up to 3.0 start on: where they lie, what they map, and that they may
//! be changed and used like any others. Wrong ones would be a kernel that dies before its first word.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::frames::Frame;
use kit::page_table::{Entry, Format};
use kit::paging::{self, Root};
use kit::{GuestLinear, GuestPhys, PAGE_OFFSET, PAGE_SIZE, boot_params, probe, report};

kit::guest_test!(boot_tables);

/// Flags of every entry below the top.
const FLAGS: u32 = Entry::P | Entry::RW | Entry::US;
/// What the CPU, or the Host for it, may have added since.
const ADDED: u32 = Entry::A | Entry::D;

const ZERO: GuestLinear = GuestLinear(0);
const FREE: GuestLinear = GuestLinear(0x4000_0000);

fn boot_tables() {
    let Some(boot) = Root::boot() else { report::skip("this Guest made its own tables") };
    lie_below_the_initrd(boot);
    map_all_memory_twice(boot);
    serve_like_others(boot);
}

/// Top level, tables below it and, with PAE, one directory below those.
fn lie_below_the_initrd(boot: Root) {
    let end = boot_params::memory_size() - boot_params::initrd_size();
    assert_eq!(boot.phys(), GuestPhys(end - PAGE_SIZE), "the top level");
    let span = paging::format().span();
    let tables = boot_params::memory_size().div_ceil(span);
    let first = boot.phys().0 - tables * PAGE_SIZE;
    for number in 0..tables {
        let entry = boot.directory(GuestLinear(number * span));
        assert_eq!(entry.0 & !ADDED, (first + number * PAGE_SIZE) | FLAGS, "table {number}");
    }
    if paging::format() == Format::Pae {
        let pointers = [0, 1, 2, 3].map(|index: u32| boot.pointer(GuestLinear(index << 30)).0);
        let directory = (first - PAGE_SIZE) | Entry::P;
        assert_eq!(pointers, [directory, 0, 0, directory]);
    }
}

fn map_all_memory_twice(boot: Root) {
    let end = boot_params::memory_size();
    for half in [ZERO.0, PAGE_OFFSET] {
        for at in (0..end).step_by(PAGE_SIZE as usize) {
            let entry = boot.entry(GuestLinear(half + at)).expect("there is a table");
            assert_eq!(entry.0 & !ADDED, at | FLAGS, "at {:#x}", half + at);
        }
        assert_eq!(boot.entry(GuestLinear(half + end)).unwrap_or_default(), Entry::ABSENT, "behind memory");
    }
}

fn serve_like_others(boot: Root) {
    let frame = Frame::alloc();
    frame.fill(7);
    boot.switch_to();
    assert_eq!(probe::read(GuestLinear(frame.phys().0)), Ok(7), "where it is");
    assert_eq!(probe::read(GuestLinear(PAGE_OFFSET + frame.phys().0)), Ok(7), "and in the kernel half");
    assert!(probe::read(FREE).is_err());
    boot.map(FREE, &frame, Entry::KERNEL); // a table more and, with PAE, a directory
    assert_eq!(probe::read(FREE), Ok(7));
    boot.unmap(FREE);
    assert!(probe::read(FREE).is_err());
    Root::kernel().switch_to();
    assert!(probe::read(GuestLinear(frame.phys().0)).is_err(), "only the Host's tables map it there");
}
