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
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use abi::{HostPhys, PAGE_SIZE};

/// Entries of a page table or directory.
pub const ENTRIES: usize = 1024;

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

/// The number of a table in its pool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TableId(u16);

/// Which entries of a table are not zero.
#[derive(Clone)]
struct Used([u32; ENTRIES / 32]);

/// What the Guest's upper level allowed (W and U) when each half of a table was filled in. Two
/// halves, for a table of ours covers two of PAE's.
type Rights = [Option<u32>; 2];

/// A Guest's shadow frames.
pub struct Pool {
    tables: &'static [Table],
    base: HostPhys,
    used: Box<[Used]>,
    rights: Box<[Rights]>,
    free: Vec<TableId>,
}

impl Pool {
    /// A pool of `tables`, all zero, that lie at Host-physical `base`.
    pub fn new(tables: &'static [Table], base: HostPhys) -> Self {
        let count = u16::try_from(tables.len()).expect("a pool holds fewer than 65,536 tables");
        let used = alloc::vec![Used([0; ENTRIES / 32]); tables.len()].into_boxed_slice();
        let rights = alloc::vec![[None; 2]; tables.len()].into_boxed_slice();
        Self { tables, base, used, rights, free: (0..count).rev().map(TableId).collect() }
    }

    /// Tables in all.
    pub fn len(&self) -> usize {
        self.tables.len()
    }

    /// Whether there is no table at all.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// Tables free.
    pub fn free_count(&self) -> usize {
        self.free.len()
    }

    /// Takes an empty table.
    pub fn take(&mut self) -> Option<TableId> {
        self.free.pop()
    }

    /// Empties a table and takes it back.
    pub fn give_back(&mut self, table: TableId) {
        self.clear(table, 0..ENTRIES);
        self.rights[usize::from(table.0)] = [None; 2];
        debug_assert!(!self.free.contains(&table), "a table was given back twice");
        self.free.push(table);
    }

    /// Where the CPU finds the table.
    pub fn address(&self, table: TableId) -> HostPhys {
        HostPhys(self.base.0 + u32::from(table.0) * PAGE_SIZE)
    }

    /// The table a directory entry of ours leads to. Entries the pool did not make (the
    /// Switcher's) lead nowhere.
    #[inline]
    pub fn table_at(&self, entry: u32) -> Option<TableId> {
        let number = (entry.wrapping_sub(self.base.0) / PAGE_SIZE) as usize;
        (entry & super::entry::P != 0 && number < self.tables.len()).then_some(TableId(number as u16))
    }

    /// Notes what the Guest's upper level allows in that half of a table where `index` is.
    #[inline]
    pub fn note_rights(&mut self, table: TableId, index: usize, rights: Option<u32>) {
        self.rights[usize::from(table.0)][index / (ENTRIES / 2)] = rights;
    }

    /// What it allowed when an entry of that half was filled in last, if one was.
    #[inline]
    pub fn rights(&self, table: TableId, index: usize) -> Option<u32> {
        self.rights[usize::from(table.0)][index / (ENTRIES / 2)]
    }

    /// Reads an entry.
    #[inline]
    pub fn get(&self, table: TableId, index: usize) -> u32 {
        self.tables[usize::from(table.0)].get(index)
    }

    /// Writes an entry.
    #[inline]
    pub fn set(&mut self, table: TableId, index: usize, entry: u32) {
        let id = usize::from(table.0);
        self.tables[id].0[index].store(entry, Relaxed);
        let (word, bit) = (index / 32, 1 << (index % 32));
        if entry == 0 {
            self.used[id].0[word] &= !bit;
        } else {
            self.used[id].0[word] |= bit;
        }
    }

    /// Zeroes the entries of `range`, which begins and ends at a multiple of 32 or at
    /// [`ENTRIES`]; costs what is in use there.
    pub fn clear(&mut self, table: TableId, range: core::ops::Range<usize>) {
        let id = usize::from(table.0);
        let words = range.start / 32..range.end / 32;
        for (word, used) in words.clone().zip(&mut self.used[id].0[words]) {
            let mut left = core::mem::take(used);
            while left != 0 {
                let index = word * 32 + left.trailing_zeros() as usize;
                self.tables[id].0[index].store(0, Relaxed);
                left &= left - 1;
            }
        }
    }

    /// The first entry in `range` that is not zero.
    pub fn next_used(&self, table: TableId, range: core::ops::Range<usize>) -> Option<usize> {
        let used = &self.used[usize::from(table.0)].0;
        let mut index = range.start;
        while index < range.end {
            let rest = used[index / 32] >> (index % 32);
            if rest != 0 {
                let found = index + rest.trailing_zeros() as usize;
                return (found < range.end).then_some(found);
            }
            index = (index / 32 + 1) * 32;
        }
        None
    }
}

/// A pool for tests: its "frames" are leaked boxes, its base a plausible address.
#[cfg(test)]
pub fn pool_of(tables: usize, base: HostPhys) -> Pool {
    let tables: Vec<Table> = (0..tables).map(|_| Table::empty()).collect();
    Pool::new(Box::leak(tables.into_boxed_slice()), base)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shadow::entry::P;

    #[test]
    fn a_table_given_back_is_empty() {
        let mut pool = pool_of(1, HostPhys(0x80_0000));
        let table = pool.take().unwrap();
        for index in [0, 31, 32, 700, 1023] {
            pool.set(table, index, 0xABC0_0001);
        }
        pool.give_back(table);
        let table = pool.take().unwrap();
        assert!((0..ENTRIES).all(|index| pool.get(table, index) == 0));
        assert_eq!(pool.next_used(table, 0..ENTRIES), None);
    }

    #[test]
    fn an_empty_pool_says_so() {
        let mut pool = pool_of(2, HostPhys(0x80_0000));
        assert!(pool.take().is_some() && pool.take().is_some());
        assert_eq!(pool.take(), None);
    }

    #[test]
    fn an_entry_leads_back_to_its_table() {
        let mut pool = pool_of(3, HostPhys(0x80_0000));
        let table = pool.take().unwrap();
        assert_eq!(pool.table_at(pool.address(table).0 | P), Some(table));
        assert_eq!(pool.table_at(0x80_3000 | P), None);
        assert_eq!(pool.table_at(0x7F_F000 | P), None);
    }

    #[test]
    fn clearing_a_part_leaves_the_rest() {
        let mut pool = pool_of(1, HostPhys(0x80_0000));
        let table = pool.take().unwrap();
        pool.set(table, 767, 1);
        pool.set(table, 768, 1);
        pool.clear(table, 0..768);
        assert_eq!((pool.get(table, 767), pool.get(table, 768)), (0, 1));
    }
}
