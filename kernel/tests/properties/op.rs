//! What a random Guest does, printed so that a person can follow it.
//!
//! Chance alone rarely hits a mapped page, so everything happens in a small
//! world: four directories, six page tables, six more pages, eight directory
//! slots and six indices. Any page may be used as anything all the same.
//!
//! ```text
//!  page   0 .. 4          4 .. 10         10 .. 16
//!         directories     page tables     others
//! ```
//!
//! The strategies are boxed: what `prop_oneof!` makes of them lives on the stack,
//! and a test thread's is small.
//!
//! Next on the tour: [`crate::model`].

use core::ops::Range;

use abi::PAGE_SIZE;
use kernel::shadow::entry::{A, D, P, PS, U, W};
use proptest::prelude::*;
use proptest::sample::select;

use crate::Hex;
use crate::ram::Ram;

/// Whole pages of a Guest's memory.
pub const PAGES: u32 = 16;
/// Pages that are directories.
pub const DIRECTORIES: u32 = 4;
/// Pages that begin as page tables.
pub const TABLES: Range<u32> = 4..10;

/// Directory slots in use: around the kernel's usual place, and both ends.
const SLOTS: [u32; 8] = [0, 1, 2, 0x2FF, 0x300, 0x301, 0x302, 0x3FE];
/// Indices in use: in one cache line, in its neighbour, and at both ends.
const INDICES: [u32; 6] = [0, 1, 15, 16, 0x3FE, 0x3FF];

/// Neighbours of those that nobody touches and no shadow may have: beyond memory, large, not
/// accessed, not present.
const BAITS: [(u32, u32); 4] = [
    (2, (PAGES * PAGE_SIZE) | P | W | U | A | D),
    (3, PS | P | W | U | A | D),
    (14, P | W | U | D),
    (17, W | U | A | D),
];

/// One store to a page table.
#[derive(Clone, Copy, Debug)]
pub struct Write {
    /// The page.
    pub page: u32,
    /// The entry in it.
    pub index: Hex,
    /// What is stored.
    pub entry: Hex,
}

/// One thing a Guest does.
#[derive(Clone, Debug)]
pub enum Op {
    /// Some stores, then the calls that tell of them, or a flush.
    Write {
        /// The stores.
        writes: Vec<Write>,
        /// With a flush that covers them, instead of one call for each.
        flush: bool,
    },
    /// `NEW_PGTABLE` of this page.
    Switch(u32),
    /// `FLUSH_TLB`.
    Flush {
        /// All of it.
        everything: bool,
    },
    /// `SET_STACK`.
    Stack {
        /// One past its highest byte.
        end: Hex,
        /// Pages.
        pages: u32,
    },
    /// The CPU touches an address.
    Touch(Hex, Kind),
    /// The Guest goes on on another CPU.
    Move,
}

/// Who touches, and how.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Read,
    Write,
    UserRead,
    UserWrite,
    /// The Host reads on the Guest's behalf.
    HostRead,
    /// The Host writes on the Guest's behalf.
    HostWrite,
}

/// Fills memory so that each slot in use has a table and each index in it a page. Below
/// `kernel_slot` each directory has a table of its own, above it they share two.
pub fn populate(ram: &mut Ram, kernel_slot: u32) {
    for directory in 0..DIRECTORIES {
        for slot in SLOTS {
            let table = if slot < kernel_slot { directory } else { DIRECTORIES + slot % 2 };
            ram.set_word(directory * PAGE_SIZE + slot * 4, ((TABLES.start + table) * PAGE_SIZE) | P | W | U);
        }
    }
    for table in TABLES {
        for (index, page) in INDICES.into_iter().zip((table..PAGES).cycle()) {
            ram.set_word(table * PAGE_SIZE + index * 4, (page * PAGE_SIZE) | P | W | U);
        }
        for (index, bait) in BAITS {
            ram.set_word(table * PAGE_SIZE + index * 4, bait);
        }
    }
}

/// An address in use, now and then any.
pub fn address() -> BoxedStrategy<Hex> {
    prop_oneof![
        30 => (select(&SLOTS), select(&INDICES), select(&[0, 1, 0x7FC, 0xFFD, 0xFFF]))
            .prop_map(|(slot, index, offset)| Hex(slot << 22 | index << 12 | offset)),
        1 => any::<u32>().prop_map(Hex),
        1 => (0xFFBF_F000_u32..).prop_map(Hex),
    ]
    .boxed()
}

/// A page number, rarely one that does not exist.
fn page(usual: Range<u32>) -> BoxedStrategy<u32> {
    prop_oneof![
        20 => usual,
        6 => 0..PAGES,
        1 => select(&[PAGES, PAGES + 1, 0x7_FFFF, 0xF_FFFF]),
    ]
    .boxed()
}

/// Flags: mostly of `usual`, rarely of any kind.
fn flags(usual: u32) -> BoxedStrategy<u32> {
    let usual = prop_oneof![
        4 => Just(P | W | U),
        3 => Just(P | W | U | A),
        3 => Just(P | W | U | A | D),
        8 => any::<u32>().prop_map(move |bits| bits & usual | P),
        2 => any::<u32>().prop_map(move |bits| bits & usual),
        1 => Just(0),
    ];
    prop_oneof![40 => usual, 1 => 0_u32..0x1000].boxed()
}

/// A store to a directory or to a page table.
pub fn write() -> BoxedStrategy<Write> {
    let directory = (0..DIRECTORIES, select(&SLOTS), page(TABLES), flags(P | W | U | A | D));
    let table = (TABLES, select(&INDICES), page(0..PAGES), flags(0xFFF & !PS));
    prop_oneof![1 => directory, 2 => table]
        .prop_map(|(page, index, frame, flags)| Write {
            page,
            index: Hex(index),
            entry: Hex(frame << 12 | flags),
        })
        .boxed()
}

/// A kernel stack: rarely one that is not mapped.
pub fn stack() -> BoxedStrategy<Op> {
    let end = prop_oneof![
        8 => (select(&SLOTS), select(&INDICES), select(&[0x1000, 0x800, 1]))
            .prop_map(|(slot, index, offset)| (slot << 22 | index << 12) + offset),
        1 => select(&[0, 1, 0x800, 0x1000, 0xFFC0_0000, 0xFFC0_1000, u32::MAX]),
    ];
    (end, 0..3_u32).prop_map(|(end, pages)| Op::Stack { end: Hex(end), pages }).boxed()
}

fn kind() -> impl Strategy<Value = Kind> {
    use Kind::*;
    select(&[Read, Read, Write, Write, UserRead, UserWrite, HostRead, HostWrite])
}

/// Anything a well-behaved Guest does.
pub fn op() -> BoxedStrategy<Op> {
    let writes =
        prop_oneof![4 => prop::collection::vec(write(), 1), 1 => prop::collection::vec(write(), 2..5)];
    prop_oneof![
        10 => (address(), kind()).prop_map(|(at, kind)| Op::Touch(at, kind)),
        6 => (writes, prop::bool::weighted(0.3)).prop_map(|(writes, flush)| Op::Write { writes, flush }),
        4 => (0..DIRECTORIES).prop_map(Op::Switch),
        1 => any::<bool>().prop_map(|everything| Op::Flush { everything }),
        2 => stack(),
        1 => Just(Op::Move),
    ]
    .boxed()
}

/// Where a kernel says it begins: usually at 3 GiB, now and then in the middle of a slot.
pub fn kernel_address() -> impl Strategy<Value = Hex> {
    const ODD: [u32; 9] =
        [0, 1, 0x1000, 0x40_0000, 0xBFFF_F000, 0xC000_1000, 0xC040_F000, 0xFF80_0001, 0xFFBF_F000];
    prop_oneof![2 => Just(Hex(0xC000_0000)), 2 => select(&ODD).prop_map(Hex)]
}

/// How many tables a pool has: just enough, a little more, ample.
pub fn pool_size() -> impl Strategy<Value = usize> {
    select(&[kernel::shadow::MIN_TABLES, kernel::shadow::MIN_TABLES + 3, 40])
}
