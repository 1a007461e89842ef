//! Every hypercall that names a place, at the last one there is and at the one behind it.

use abi::hypercall::*;
use abi::kill::{HypercallError, PageTableError};
use abi::{GuestLinear, KillReason, PAGE_SIZE, Shutdown, Stop};

use super::*;
use crate::cpu::Attention;
use crate::run::run;
use crate::scripted::{ScriptedCpu, running_guest};

/// Bytes of memory of the tests' Guest.
const LIMIT: u32 = 0x1_0000;
/// A page directory with nothing in it.
const TOP: u32 = 0x9000;
/// Present and used before.
const USED: u32 = 0x63;

/// What a running Guest's call leads to; `Preempted` if to nothing.
fn call(number: u32, args: [u32; 3]) -> Stop {
    call_in(Format::TwoLevel, number, args)
}

/// The same for a Guest with tables of this format.
fn call_in(format: Format, number: u32, args: [u32; 3]) -> Stop {
    let mut cpu = ScriptedCpu::default();
    let mut guest = running_guest(&mut cpu);
    guest.shadow.set_format(Some(format));
    cpu.attention = Attention::Wanted;
    cpu.calls(number, args).then(0x20, 0, 0);
    run(&mut guest, &mut cpu)
}

fn outside(at: u32, len: u32) -> Stop {
    Stop::Killed(KillReason::OutOfGuestMemory { at: GuestPhys(at), len })
}

#[test]
fn what_a_call_reads_may_end_at_the_limit_and_not_a_byte_behind() {
    for (number, len, more) in [(LHCALL_LOAD_TLS, 24, [0, 0]), (LHCALL_LOAD_GDT, 8 * 32, [32, 0])] {
        let [more, last] = more;
        assert_eq!(call(number, [LIMIT - len, more, last]), Stop::Preempted, "hypercall {number}");
        for at in [LIMIT - len + 1, LIMIT, u32::MAX - len + 1, u32::MAX] {
            assert_eq!(call(number, [at, more, last]), outside(at, len), "hypercall {number}");
        }
    }
}

#[test]
fn last_words_may_end_at_the_limit_and_a_restart_needs_none() {
    let len = Shutdown::TEXT_LEN as u32;
    let ends = |at, how| call(LHCALL_SHUTDOWN, [at, how, 0]);
    assert!(matches!(ends(LIMIT - len, SHUTDOWN_POWEROFF), Stop::Shutdown(_)));
    for at in [LIMIT - len + 1, LIMIT, u32::MAX] {
        assert_eq!(ends(at, SHUTDOWN_POWEROFF), outside(at, len));
        assert!(matches!(ends(at, SHUTDOWN_RESTART), Stop::Shutdown(_)));
    }
}

#[test]
fn a_page_directory_may_be_the_last_page_and_none_behind() {
    assert_eq!(call(LHCALL_NEW_PGTABLE, [LIMIT - PAGE_SIZE, 0, 0]), Stop::Preempted);
    for top in [LIMIT - PAGE_SIZE + 4, LIMIT, !(PAGE_SIZE - 1)] {
        let reason = PageTableError::Root { at: GuestPhys(top) }.into();
        assert_eq!(call(LHCALL_NEW_PGTABLE, [top, 0, 0]), Stop::Killed(reason));
    }
}

#[test]
fn an_entry_may_name_the_last_page_and_none_behind() {
    let at = GuestLinear(0x4000_0000);
    for format in [Format::TwoLevel, Format::Pae] {
        let sets = |frame| call_in(format, LHCALL_SET_PTE, [TOP, at.0, frame | USED]);
        assert_eq!(sets(LIMIT - PAGE_SIZE), Stop::Preempted);
        for frame in [LIMIT, !(PAGE_SIZE - 1)] {
            let reason = PageTableError::Entry { at, entry: frame | USED }.into();
            assert_eq!(sets(frame), Stop::Killed(reason));
        }
    }
}

#[test]
fn a_middle_directory_may_lie_anywhere_and_only_pae_has_one() {
    for middle in [LIMIT - PAGE_SIZE, LIMIT, u32::MAX] {
        assert_eq!(call_in(Format::Pae, LHCALL_SET_PMD, [middle, 0, 0]), Stop::Preempted);
        let unknown = HypercallError::Unknown { number: LHCALL_SET_PMD }.into();
        assert_eq!(call_in(Format::TwoLevel, LHCALL_SET_PMD, [middle, 0, 0]), Stop::Killed(unknown));
    }
}

#[test]
fn a_mapping_may_lie_right_below_the_switcher_and_not_in_it() {
    let sets = |at| call(LHCALL_SET_PTE, [TOP, at, USED]);
    assert_eq!(sets(0xFFBF_F000), Stop::Preempted);
    for at in [0xFFC0_0000, 0xFFFF_F000] {
        let reason = PageTableError::Reserved { at: GuestLinear(at) }.into();
        assert_eq!(sets(at), Stop::Killed(reason));
    }
}

#[test]
fn the_last_entry_of_each_table_is_one_and_the_next_is_not() {
    let last = [(LHCALL_LOAD_IDT_ENTRY, 255), (LHCALL_LOAD_GDT_ENTRY, 31)];
    for (number, index) in last {
        assert_eq!(call(number, [index, 0, 0]), Stop::Preempted, "hypercall {number}");
        for beyond in [index + 1, u32::MAX] {
            assert!(matches!(call(number, [beyond, 0, 0]), Stop::Killed(KillReason::Descriptor(_))));
        }
    }
    assert_eq!(call(LHCALL_SET_PGD, [TOP, 1023, 0]), Stop::Preempted);
    for index in [1024, u32::MAX] {
        let reason = PageTableError::Index { index }.into();
        assert_eq!(call(LHCALL_SET_PGD, [TOP, index, 0]), Stop::Killed(reason));
    }
    assert_eq!(call_in(Format::Pae, LHCALL_SET_PGD, [TOP, 3, 0]), Stop::Preempted);
    assert_eq!(call_in(Format::Pae, LHCALL_SET_PMD, [TOP, 511, 0]), Stop::Preempted);
    for (number, index) in [(LHCALL_SET_PGD, 4), (LHCALL_SET_PMD, 512)] {
        for index in [index, u32::MAX] {
            let reason = PageTableError::Index { index }.into();
            assert_eq!(call_in(Format::Pae, number, [TOP, index, 0]), Stop::Killed(reason));
        }
    }
    for entries in [33, u32::MAX] {
        assert!(matches!(call(LHCALL_LOAD_GDT, [0, entries, 0]), Stop::Killed(KillReason::Descriptor(_))));
    }
}

#[test]
fn a_kernel_stack_has_two_pages_at_most_and_must_be_there() {
    for (selector, pages) in [(0x69, 3), (0x69, u32::MAX), (0x68, 1), (0x0101, 1), (0x61, 1), (u32::MAX, 1)] {
        let reason = HypercallError::Stack { selector, pages }.into();
        assert_eq!(call(LHCALL_SET_STACK, [selector, 0x8000, pages]), Stop::Killed(reason));
    }
    assert_eq!(call(LHCALL_SET_STACK, [0x69, LIMIT, 2]), Stop::Preempted);
    let behind = PageTableError::Linear { at: GuestLinear(LIMIT) }.into();
    assert_eq!(call(LHCALL_SET_STACK, [0x69, LIMIT + 1, 1]), Stop::Killed(behind));
}
