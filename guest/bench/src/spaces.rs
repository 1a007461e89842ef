//! The operations on address spaces: what fork, exec and mprotect are made of.
//!
//! ```text
//!   set-pte                 one entry changed, and announced by a call of its own
//!   set-pte-batched         sixty-four changed, announced by the ring: each
//!   switch-N-spaces         to the next of N, and sixteen pages touched there
//!   kernel-set-pte-N-roots  an entry of the kernel half changed, N spaces alive
//!   fork-like               300 pages made read-only and shown in another space, touched in both
//!   mprotect-like           the rights of 64 pages changed, and the pages touched
//! ```
//!
//! In all of them what the kernel does to its own tables is part of the
//! operation for the last two, and part of the empty loop for the others,
//! which are about the announcement.
//!
//! Next on the tour: [`crate::devices`].

use kit::frames::Frame;
use kit::hypercall::Call;
use kit::local::Local;
use kit::page_table::{DIRECTORY_SPAN, Entry};
use kit::paging::{Root, Space, WINDOW};
use kit::{GuestLinear, PAGE_SIZE, bare};

use crate::Machine;
use crate::row::{Row, each};

/// The pages that are touched in each space, and in the kernel's own.
const TOUCHED: GuestLinear = GuestLinear(0x1000_0000);
/// How many.
const TOUCHED_PAGES: u32 = 16;
/// The page whose entry changes.
const CHANGED: GuestLinear = GuestLinear(TOUCHED.0 + DIRECTORY_SPAN);
/// The pages a fork copies the entries of.
const FORKED: GuestLinear = GuestLinear(TOUCHED.0 + 2 * DIRECTORY_SPAN);
/// How many.
const FORKED_PAGES: u32 = 300;
/// The pages mprotect changes.
const PROTECTED: GuestLinear = GuestLinear(TOUCHED.0 + 3 * DIRECTORY_SPAN);
/// How many, which is also how many calls the ring holds.
const PROTECTED_PAGES: u32 = 64;

/// What a program's page carries that it has used, ...
const WRITABLE: u32 = Entry::KERNEL | Entry::US;
/// ... and once it may no longer write it.
const READ_ONLY: u32 = WRITABLE & !Entry::RW;

/// Spaces to switch between.
const SPACES: usize = 32;

struct Spaces {
    spaces: [Space; SPACES],
    frames: [Frame; 2],
}

static SPACES_AND_FRAMES: Local<Option<Spaces>> = Local::new(None);

/// The rows that every machine has.
pub const fn rows<M: Machine>() -> [Row; 6] {
    [
        Row::new("set-pte", 1000, set_pte::<M>, write_entry),
        Row::new("switch-2-spaces", 640, switch::<M, 2>, touch_in_place::<2>),
        Row::new("switch-8-spaces", 640, switch::<M, 8>, touch_in_place::<8>),
        Row::new("switch-32-spaces", 640, switch::<M, 32>, touch_in_place::<32>),
        Row::new("fork-like", 10, fork::<M>, crate::row::nothing),
        Row::new("mprotect-like", 100, protect::<M>, crate::row::nothing),
    ]
}

/// The rows that are about a Host.
pub const fn hosted_rows<M: Machine>() -> [Row; 3] {
    [
        Row::new("set-pte-batched", 1024, set_pte_batched::<M>, write_entry_in_batches),
        Row::new("kernel-set-pte-1-root", 1000, kernel_set_pte::<M, 1>, kernel_entry_kept::<M, 1>),
        Row::new("kernel-set-pte-32-roots", 1000, kernel_set_pte::<M, 32>, kernel_entry_kept::<M, 32>),
    ]
}

/// Makes the spaces, and maps what the rows touch.
pub fn prepare() {
    let frames = [Frame::alloc(), Frame::alloc()];
    let spaces: [Space; SPACES] = core::array::from_fn(|_| Space::new());
    for root in spaces.iter().map(Space::root).chain([Root::kernel()]) {
        for page in 0..TOUCHED_PAGES {
            root.map(page_of(TOUCHED, page), &frames[0], Entry::KERNEL);
        }
    }
    spaces[0].root().map(FORKED, &frames[0], READ_ONLY); // so that there is a table
    Root::kernel().map(CHANGED, &frames[0], WRITABLE);
    Root::kernel().map(WINDOW, &frames[0], Entry::KERNEL);
    for page in 0..FORKED_PAGES {
        Root::kernel().map(page_of(FORKED, page), &frames[0], WRITABLE);
    }
    for page in 0..PROTECTED_PAGES {
        Root::kernel().map(page_of(PROTECTED, page), &frames[0], WRITABLE);
    }
    SPACES_AND_FRAMES.with(|slot| *slot = Some(Spaces { spaces, frames }));
}

fn page_of(start: GuestLinear, page: u32) -> GuestLinear {
    GuestLinear(start.0 + page * PAGE_SIZE)
}

fn roots() -> [Root; SPACES] {
    let roots = |spaces: &Spaces| spaces.spaces.each_ref().map(Space::root);
    SPACES_AND_FRAMES.with(|slot| slot.as_ref().map(roots).expect("prepare made them"))
}

/// An entry for each of two frames, to go back and forth between.
fn entries(flags: u32) -> [Entry; 2] {
    let entries = |spaces: &Spaces| spaces.frames.each_ref().map(|frame| Entry::new(frame.phys(), flags));
    SPACES_AND_FRAMES.with(|slot| slot.as_ref().map(entries).expect("prepare made them"))
}

fn touch(start: GuestLinear, pages: u32) {
    (0..pages).for_each(|page| bare::touch(page_of(start, page)));
}

fn set_pte<M: Machine>(count: u32) {
    let (root, entries) = (Root::kernel(), entries(WRITABLE));
    bare::touch(CHANGED);
    each(count, |number| {
        let entry = entries[number as usize % 2];
        root.write(CHANGED, entry);
        M::announce(root, CHANGED, entry);
    });
}

fn write_entry(count: u32) {
    let (root, entries) = (Root::kernel(), entries(WRITABLE));
    each(count, |number| {
        let entry = entries[number as usize % 2];
        root.write(CHANGED, entry);
        bare::hold(entry.0);
    });
}

fn set_pte_batched<M: Machine>(count: u32) {
    let (root, entries) = (Root::kernel(), entries(WRITABLE));
    bare::touch(CHANGED);
    each(count, |number| {
        let entry = entries[number as usize % 2];
        root.write(CHANGED, entry);
        M::announce_later(root, CHANGED, entry);
        if (number + 1).is_multiple_of(PROTECTED_PAGES) {
            M::announce_now();
        }
    });
}

fn write_entry_in_batches(count: u32) {
    let (root, entries) = (Root::kernel(), entries(WRITABLE));
    each(count, |number| {
        let entry = entries[number as usize % 2];
        root.write(CHANGED, entry);
        bare::hold(entry.0);
        if (number + 1).is_multiple_of(PROTECTED_PAGES) {
            bare::hold(number);
        }
    });
}

fn switch<M: Machine, const N: usize>(count: u32) {
    let roots = roots();
    each(count, |number| {
        M::switch_to(roots[number as usize % N]);
        touch(TOUCHED, TOUCHED_PAGES);
    });
    M::switch_to(Root::kernel());
}

fn touch_in_place<const N: usize>(count: u32) {
    let roots = roots();
    each(count, |number| {
        bare::hold(roots[number as usize % N].phys().0);
        touch(TOUCHED, TOUCHED_PAGES);
    });
}

/// Has just `N` spaces alive, the kernel's own among them.
fn only<M: Machine, const N: usize>() {
    M::forget_everything();
    for root in &roots()[1..N] {
        M::switch_to(*root);
        touch(TOUCHED, 1);
    }
    M::switch_to(Root::kernel());
    bare::touch(WINDOW);
}

fn kernel_set_pte<M: Machine, const N: usize>(count: u32) {
    only::<M, N>();
    let (root, entries) = (Root::kernel(), entries(Entry::KERNEL));
    each(count, |number| {
        let entry = entries[number as usize % 2];
        root.write(WINDOW, entry);
        M::announce(root, WINDOW, entry);
    });
}

fn kernel_entry_kept<M: Machine, const N: usize>(count: u32) {
    only::<M, N>();
    let (root, entries) = (Root::kernel(), entries(Entry::KERNEL));
    each(count, |number| {
        let entry = entries[number as usize % 2];
        root.write(WINDOW, entry);
        bare::hold(entry.0);
    });
}

/// A space is filled with what another one has, both lose the right to write, and each is used; then
/// the new one ends and the old one may write again.
fn fork<M: Machine>(count: u32) {
    let (parent, child) = (Root::kernel(), roots()[0]);
    let [entry, _] = entries(0);
    each(count, |_| {
        for at in (0..FORKED_PAGES).map(|page| page_of(FORKED, page)) {
            change_later::<M>(parent, at, Entry(entry.0 | READ_ONLY));
            change_later::<M>(child, at, Entry(entry.0 | READ_ONLY));
        }
        M::announce_now();
        M::forget_user_half();
        M::switch_to(child);
        touch(FORKED, FORKED_PAGES);
        M::switch_to(parent);
        M::forget_tables(child, FORKED, 1);
        for at in (0..FORKED_PAGES).map(|page| page_of(FORKED, page)) {
            change_later::<M>(parent, at, Entry(entry.0 | WRITABLE));
        }
        M::announce_now();
        touch(FORKED, FORKED_PAGES);
    });
}

fn protect<M: Machine>(count: u32) {
    let root = Root::kernel();
    let [entry, _] = entries(0);
    each(count, |number| {
        let rights = if number.is_multiple_of(2) { READ_ONLY } else { WRITABLE };
        for at in (0..PROTECTED_PAGES).map(|page| page_of(PROTECTED, page)) {
            change_later::<M>(root, at, Entry(entry.0 | rights));
        }
        M::announce_now();
        M::forget_user_half();
        touch(PROTECTED, PROTECTED_PAGES);
    });
}

fn change_later<M: Machine>(root: Root, at: GuestLinear, entry: Entry) {
    root.write(at, entry);
    M::announce_later(root, at, entry);
}

/// Calls that a Host answers, for the trait's sake.
pub mod hosted {
    use super::{Call, DIRECTORY_SPAN, Entry, GuestLinear, Root};

    /// Announces an entry.
    #[inline(always)]
    pub fn announcement(root: Root, at: GuestLinear, entry: Entry) -> Call {
        Call::set_pte(root.phys(), at, entry)
    }

    /// Announces that a whole table is gone.
    #[inline(always)]
    pub fn end_of_table(root: Root, at: GuestLinear) -> Call {
        Call::set_pgd(root.phys(), at.0 / DIRECTORY_SPAN)
    }
}
