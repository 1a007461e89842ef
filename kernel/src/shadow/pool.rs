//! The frames a Guest's shadow tables are made of.
//!
//! Each Guest brings a fixed run of frames when it is created. Tables are
//! taken from it and given back to it; nothing a Guest does can make the Host
//! need one more. Besides its 1,024 entries each table has a bitmap of those
//! in use, so emptying one costs what it holds, not what it could hold.
//!
//! Invariants:
//! - A free table is all zero (`a_table_given_back_is_empty`).
//! - A table is either free or has one owner: [`TableId`] is neither copied
//!   nor cloned outside this module's owner, `shadow`.
//!
//! Next on the tour: [`super::roots`].

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use abi::{HostPhys, PAGE_SIZE};

/// Entries of a page table or directory.
pub const ENTRIES: usize = 1024;

/// Bytes of linear space in one half of a table, which have an upper-level entry in common.
pub const HALF: u32 = ENTRIES as u32 / 2 * PAGE_SIZE;

/// A page table or directory as the CPU walks it. Atomics, for the CPU reads it on its own.
#[repr(C, align(4096))]
pub struct Table([AtomicU32; ENTRIES]);

impl Table {
    /// All entries not present.
    pub const fn empty() -> Self {
        Self([const { AtomicU32::new(0) }; ENTRIES])
    }

    /// Entry `index`, as a CPU that walks the table reads it.
    ///
    /// # Panics
    /// If `index` is not below [`ENTRIES`].
    #[inline]
    pub fn get(&self, index: usize) -> u32 {
        self.0[index].load(Relaxed)
    }
}

const _: () = assert!(size_of::<Table>() == PAGE_SIZE as usize);

/// A table of a pool, by its number; reading it needs no pool.
#[derive(Clone, Copy)]
pub struct TableId {
    number: usize,
    table: &'static Table,
}

impl TableId {
    /// Reads an entry.
    #[inline]
    pub fn get(self, index: usize) -> u32 {
        self.table.get(index)
    }
}

impl PartialEq for TableId {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl fmt::Debug for TableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "table {}", self.number)
    }
}

/// A table, and what is known of it.
struct Page {
    table: &'static Table,
    /// A bit for each entry that is not zero.
    used: [u32; ENTRIES / 32],
    /// A bit for each word of `used` that is not zero, and for some that are.
    used_words: u32,
    /// The Guest's upper-level entry (P, W and U of it) by which each half was filled in last, 0 if
    /// it never was. Two halves, for a table of ours covers two of PAE's.
    rights: [u32; 2],
}

/// A Guest's shadow frames.
pub struct Pool {
    pages: Box<[Page]>,
    base: HostPhys,
    free: Vec<TableId>,
    /// Fewest tables that were ever free.
    least_free: usize,
}

impl Pool {
    /// A pool of `tables`, all zero, that lie at Host-physical `base`.
    pub fn new(tables: &'static [Table], base: HostPhys) -> Self {
        let page = |table| Page { table, used: [0; ENTRIES / 32], used_words: 0, rights: [0; 2] };
        let free = tables.iter().enumerate().rev().map(|(number, table)| TableId { number, table }).collect();
        Self { pages: tables.iter().map(page).collect(), base, free, least_free: tables.len() }
    }

    /// Bytes of the heap that a pool of `tables` wants.
    pub const fn bookkeeping(tables: usize) -> usize {
        tables * (size_of::<Page>() + size_of::<TableId>())
    }

    /// Tables in all.
    pub fn len(&self) -> usize {
        self.pages.len()
    }

    /// Whether there is no table at all.
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// Tables free.
    pub fn free_count(&self) -> usize {
        self.free.len()
    }

    /// Whether the table of this number is free, and so holds whatever its last use left.
    pub fn is_free(&self, number: usize) -> bool {
        self.free.iter().any(|table| table.number == number)
    }

    /// Most tables that were in use at a time.
    pub fn at_most(&self) -> usize {
        self.pages.len() - self.least_free
    }

    /// Forgets how many were in use before.
    pub fn forget_most(&mut self) {
        self.least_free = self.free.len();
    }

    /// Takes an empty table.
    pub fn take(&mut self) -> Option<TableId> {
        let table = self.free.pop()?;
        self.clear(table, 0..ENTRIES);
        self.least_free = self.least_free.min(self.free.len());
        Some(table)
    }

    /// Takes a table back. It is emptied when it is taken the next time: thousands may come back at
    /// once, by one flush, and go out one by one.
    pub fn give_back(&mut self, table: TableId) {
        self.pages[table.number].rights = [0; 2];
        debug_assert!(!self.free.contains(&table), "a table was given back twice");
        self.free.push(table);
    }

    /// Where the CPU finds the table.
    pub fn address(&self, table: TableId) -> HostPhys {
        HostPhys(self.base.0 + table.number as u32 * PAGE_SIZE)
    }

    /// The table a directory entry of ours leads to. Entries the pool did not make (0, and the
    /// Switcher's) lead nowhere.
    #[inline]
    pub fn table_at(&self, entry: u32) -> Option<TableId> {
        let number = (entry.wrapping_sub(self.base.0) / PAGE_SIZE) as usize;
        self.pages.get(number).map(|page| TableId { number, table: page.table })
    }

    /// Notes what the Guest's upper level allows in that half of a table where `index` is: P, W and
    /// U of its entry.
    #[inline]
    pub fn note_rights(&mut self, table: TableId, index: usize, rights: u32) {
        self.pages[table.number].rights[index / (ENTRIES / 2)] = rights;
    }

    /// What it allowed when an entry of that half was filled in last, 0 if none was.
    #[inline]
    pub fn rights(&self, table: TableId, index: usize) -> u32 {
        self.pages[table.number].rights[index / (ENTRIES / 2)]
    }

    /// Writes an entry.
    #[inline]
    pub fn set(&mut self, table: TableId, index: usize, entry: u32) {
        if self.replace(table, index, entry) {
            self.note_used(table, index);
        }
    }

    /// Writes an entry that is most likely in use, and is to be: what that takes otherwise is out of
    /// line, so that a loop keeps its registers.
    #[inline]
    pub fn set_again(&mut self, table: TableId, index: usize, entry: u32) {
        if self.replace(table, index, entry) {
            self.note_used_rarely(table, index);
        }
    }

    /// Writes an entry; true if it is to be noted that it is in use now.
    #[inline]
    fn replace(&mut self, table: TableId, index: usize, entry: u32) -> bool {
        let was_empty = table.get(index) == 0;
        table.table.0[index].store(entry, Relaxed);
        if entry == 0 {
            self.pages[table.number].used[index / 32] &= !(1 << (index % 32));
        }
        was_empty && entry != 0
    }

    #[inline]
    fn note_used(&mut self, table: TableId, index: usize) {
        let page = &mut self.pages[table.number];
        page.used[index / 32] |= 1 << (index % 32);
        page.used_words |= 1 << (index / 32);
    }

    #[inline(never)]
    fn note_used_rarely(&mut self, table: TableId, index: usize) {
        self.note_used(table, index);
    }

    /// Zeroes the entries of `range`, which begins and ends at a multiple of 32; costs what is in
    /// use there.
    pub fn clear(&mut self, table: TableId, range: Range<usize>) {
        let page = &mut self.pages[table.number];
        let mut words = page.used_words & words_of(&range);
        page.used_words ^= words;
        while words != 0 {
            let word = words.trailing_zeros() as usize;
            words &= words - 1;
            let entries = &page.table.0[word * 32..][..32];
            let mut left = core::mem::take(&mut page.used[word]);
            while left != 0 {
                entries[left.trailing_zeros() as usize].store(0, Relaxed);
                left &= left - 1;
            }
        }
    }

    /// Makes each entry of `range` that is not zero what `renewed` says of its index and it. The range
    /// begins and ends at a multiple of 32; costs what is in use there.
    #[inline]
    pub fn renew(&mut self, table: TableId, range: Range<usize>, mut renewed: impl FnMut(usize, u32) -> u32) {
        let page = &mut self.pages[table.number];
        let mut words = page.used_words & words_of(&range);
        while words != 0 {
            let word = words.trailing_zeros() as usize;
            words &= words - 1;
            let mut left = page.used[word];
            while left != 0 {
                let bit = left & left.wrapping_neg();
                left ^= bit;
                let index = word * 32 + bit.trailing_zeros() as usize;
                let entry = renewed(index, table.get(index));
                page.table.0[index].store(entry, Relaxed);
                if entry == 0 {
                    page.used[word] ^= bit;
                }
            }
            if page.used[word] == 0 {
                page.used_words ^= 1 << word;
            }
        }
    }

    /// The first entry in `range` that is not zero.
    pub fn next_used(&self, table: TableId, range: Range<usize>) -> Option<usize> {
        let page = &self.pages[table.number];
        let mut index = range.start;
        while index < range.end {
            let rest = page.used[index / 32] >> (index % 32);
            if rest != 0 {
                let found = index + rest.trailing_zeros() as usize;
                return (found < range.end).then_some(found);
            }
            let words = page.used_words & words_of(&(index + 32..ENTRIES));
            index = words.trailing_zeros() as usize * 32; // past the end if there is none
        }
        None
    }
}

/// The words of a bitmap that the entries of `range` are in, a bit each.
#[inline]
fn words_of(range: &Range<usize>) -> u32 {
    let from = |word: usize| u32::MAX.checked_shl(word as u32).unwrap_or(0);
    from(range.start / 32) & !from(range.end / 32)
}

/// A pool for tests: its "frames" are leaked boxes, its base a plausible address.
#[cfg(test)]
pub fn pool_of(tables: usize, base: HostPhys) -> Pool {
    let tables: Vec<Table> = (0..tables).map(|_| Table::empty()).collect();
    Pool::new(Box::leak(tables.into_boxed_slice()), base)
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
