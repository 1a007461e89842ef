//! What a random Guest does, printed so that a person can follow it.
//!
//! The strategies are boxed: what `prop_oneof!` makes of them lives on the stack,
//! and a test thread's is small.
//!
//! Next on the tour: [`crate::model`].

use core::ops::Range;

use abi::PAGE_SIZE;
use kernel::shadow::MIN_TABLES;
use kernel::shadow::entry::{A, D, P, PS, U, W};
use kernel::shadow::walk::Format;
use proptest::prelude::*;
use proptest::sample::select;

use crate::Hex;
use crate::shape::{MANY_TOPS, PAGES, Shape};

/// Tables of a pool in which as many roots as are kept have room, with a table of its own each.
const ROOMY: usize = 160;

/// One store to a page table of any level.
#[derive(Clone, Copy, Debug)]
pub struct Write {
    /// Where the entry lies.
    pub at: Hex,
    /// What is stored.
    pub entry: Hex,
    /// And above it, in PAE.
    pub high: Hex,
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
    /// `NEW_PGTABLE` of this top level.
    Switch(Hex),
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
    /// It is touched in every address space, one after the other.
    Tour(Hex, Kind),
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

/// A format, rarely with more top levels than shadows are kept of.
pub fn shape() -> impl Strategy<Value = Shape> {
    let format = select(&[Shape::TWO_LEVEL, Shape::PAE]);
    let tops = prop_oneof![12 => Just(Shape::PAE.tops), 1 => Just(MANY_TOPS)];
    (format, tops, any::<bool>()).prop_map(|(shape, tops, closes_low)| Shape { tops, closes_low, ..shape })
}

/// An address in use, now and then any.
pub fn address(shape: Shape) -> BoxedStrategy<Hex> {
    let usual = (slot(shape), index(shape), select(&[0, 1, 0x7FC, 0xFFD, 0xFFF]));
    prop_oneof![
        30 => usual.prop_map(move |(slot, index, offset)| Hex(slot << shape.slot_shift() | index << 12 | offset)),
        1 => any::<u32>().prop_map(Hex),
        1 => (0xFFBF_F000_u32..).prop_map(Hex),
    ]
    .boxed()
}

fn slot(shape: Shape) -> impl Strategy<Value = u32> {
    select(shape.usual_slots().to_vec())
}

fn index(shape: Shape) -> impl Strategy<Value = u32> {
    select(shape.usual_indices().to_vec())
}

/// A page number, rarely one that does not exist.
fn page(shape: Shape, usual: Range<u32>, all: Range<u32>) -> BoxedStrategy<u32> {
    prop_oneof![
        20 => usual,
        6 => all,
        1 => select(vec![shape.pages(), shape.pages() + 1, 0x7_FFFF, 0xF_FFFF]),
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

/// What stands above an entry in PAE: nothing, sometimes NX, rarely an address.
fn high(shape: Shape) -> BoxedStrategy<Hex> {
    let high = select(&[0, 1 << 31, 1, 0x8000_0010]);
    let pae = prop_oneof![24 => Just(0_u32), 1 => high].boxed();
    let high = if shape.format == Format::Pae { pae } else { Just(0).boxed() };
    high.prop_map(Hex).boxed()
}

/// Where an entry that leads to a page table lies.
fn upper_entry(shape: Shape) -> BoxedStrategy<u32> {
    let len = shape.format.entry_len();
    let table = match shape.format {
        Format::TwoLevel => (0..shape.tops).prop_map(move |number| shape.top(number)).boxed(),
        Format::Pae => shape.uppers().prop_map(|page| page * PAGE_SIZE).boxed(),
    };
    (table, slot(shape)).prop_map(move |(table, slot)| table + shape.index_in_upper(slot) * len).boxed()
}

/// A store of a pointer of PAE, which has no flag but P.
fn pointer(shape: Shape) -> BoxedStrategy<Write> {
    let flags = prop_oneof![12 => Just(P), 2 => Just(0), 1 => flags(0xFFF)];
    let place = (0..shape.tops, 0..4_u32).prop_map(move |(number, quarter)| shape.top(number) + quarter * 8);
    (place, page(shape, shape.uppers(), shape.table_pages()), flags, high(shape)).prop_map(as_write).boxed()
}

fn as_write((at, frame, flags, high): (u32, u32, u32, Hex)) -> Write {
    Write { at: Hex(at), entry: Hex(frame << 12 | flags), high }
}

/// A store to a table of any level.
pub fn write(shape: Shape) -> BoxedStrategy<Write> {
    let len = shape.format.entry_len();
    let tables = page(shape, shape.tables(), shape.table_pages());
    let upper = (upper_entry(shape), tables, flags(P | W | U | A | D), high(shape)).prop_map(as_write);
    let place =
        (shape.tables(), index(shape)).prop_map(move |(table, index)| table * PAGE_SIZE + index * len);
    let leaf = (place, page(shape, 0..PAGES, 0..PAGES), flags(0xFFF & !PS), high(shape)).prop_map(as_write);
    match shape.format {
        Format::TwoLevel => prop_oneof![1 => upper, 2 => leaf].boxed(),
        Format::Pae => prop_oneof![2 => upper, 4 => leaf, 1 => pointer(shape)].boxed(),
    }
}

/// A kernel stack: rarely one that is not mapped.
fn stack(shape: Shape) -> BoxedStrategy<Op> {
    let end = prop_oneof![
        8 => (slot(shape), index(shape), select(&[0x1000, 0x800, 1]))
            .prop_map(move |(slot, index, offset)| (slot << shape.slot_shift() | index << 12) + offset),
        1 => select(&[0, 1, 0x800, 0x1000, 0xFFC0_0000, 0xFFC0_1000, u32::MAX]),
    ];
    (end, 0..3_u32).prop_map(|(end, pages)| Op::Stack { end: Hex(end), pages }).boxed()
}

fn kind() -> impl Strategy<Value = Kind> {
    use Kind::*;
    select(&[Read, Read, Write, Write, UserRead, UserWrite, HostRead, HostWrite])
}

/// Anything a well-behaved Guest does.
pub fn op(shape: Shape) -> BoxedStrategy<Op> {
    let write = write(shape);
    let one = prop::collection::vec(write.clone(), 1);
    let tours = if shape.tops == MANY_TOPS { 6 } else { 1 };
    let writes = prop_oneof![4 => one, 1 => prop::collection::vec(write, 2..5)];
    prop_oneof![
        20 => (address(shape), kind()).prop_map(|(at, kind)| Op::Touch(at, kind)),
        12 => (writes, prop::bool::weighted(0.3)).prop_map(|(writes, flush)| Op::Write { writes, flush }),
        8 => (0..shape.tops).prop_map(move |number| Op::Switch(Hex(shape.top(number)))),
        2 => any::<bool>().prop_map(|everything| Op::Flush { everything }),
        4 => stack(shape),
        2 => Just(Op::Move),
        tours => (address(shape), kind()).prop_map(|(at, kind)| Op::Tour(at, kind)),
    ]
    .boxed()
}

/// Where a kernel says it begins: usually at 3 GiB, now and then in the middle of a slot.
pub fn kernel_address() -> impl Strategy<Value = Hex> {
    const ODD: [u32; 10] = [
        0,
        1,
        0x1000,
        0x40_0000,
        0x8020_0000,
        0xBFFF_F000,
        0xC000_1000,
        0xC040_F000,
        0xFF80_0001,
        0xFFBF_F000,
    ];
    prop_oneof![2 => Just(Hex(0xC000_0000)), 2 => select(&ODD).prop_map(Hex)]
}

/// How many tables a pool has: just enough, a little more, ample.
pub fn pool_size(shape: Shape) -> impl Strategy<Value = usize> {
    select(match shape.tops {
        MANY_TOPS => vec![MIN_TABLES, ROOMY],
        _ => vec![MIN_TABLES, MIN_TABLES + 3, 40],
    })
}
