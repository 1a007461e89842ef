//! Getting tables back: from roots nobody uses, or because the Guest said forget.
//!
//! A pool has so many tables and no more. When none is free the root unused
//! for longest pays, then the current root's own tables, then the kernel half,
//! which every root shares and which is dearest to fill again. Whatever goes
//! comes back by the next fault.
//!
//! Invariants:
//! - A table is given back only after the entry that led to it is gone, and
//!   the CPU has no other memory of it: CR3 is loaded before the Guest runs.
//!
//! Next on the tour: [`super::fault`].

use core::ops::Range;

use abi::{GuestResult, KillReason};

use super::pool::{ENTRIES, TableId};
use super::roots::Root;
use super::{SWITCHER_SLOT, Shadow};

impl Shadow {
    /// A free table, if need be at the cost of an old root, then of the current one's own tables,
    /// then of the kernel's.
    pub(super) fn take_table(&mut self) -> GuestResult<TableId> {
        loop {
            if let Some(table) = self.pool.take() {
                return Ok(table);
            }
            let did_help = self.drop_oldest_root() || self.drop_current_user() || self.drop_kernel();
            if !did_help {
                return Err(KillReason::OutOfFrames);
            }
        }
    }

    pub(super) fn drop_all(&mut self) {
        while let Some(root) = self.roots.remove_any() {
            self.give_back_root(root);
        }
        self.drop_kernel();
    }

    pub(super) fn drop_oldest_root(&mut self) -> bool {
        let oldest = self.roots.remove_oldest();
        oldest.map(|root| self.give_back_root(root)).is_some()
    }

    pub(super) fn give_back_root(&mut self, root: Root) {
        self.drop_user(root.directory);
        self.pool.give_back(root.directory);
    }

    /// Drops the part below the shared half; true if there was any.
    fn drop_user(&mut self, directory: TableId) -> bool {
        self.drop_own(directory, 0..self.first_shared)
    }

    /// Drops what is in these slots and not shared; true if there was any. Costs what is in use,
    /// not what could be: 64 queued calls may ask for it.
    pub(super) fn drop_own(&mut self, directory: TableId, slots: Range<usize>) -> bool {
        let (mut from, end) = (slots.start, slots.end.min(self.first_shared));
        while let Some(slot) = self.pool.next_used(directory, from..end) {
            self.drop_slot(directory, slot);
            from = slot + 1;
        }
        from > slots.start
    }

    pub(super) fn drop_current_user(&mut self) -> bool {
        self.is_pinned &= self.stack_is_shared();
        self.roots.current().is_some_and(|root| self.drop_user(root.directory))
    }

    /// Drops the shared half; true if there was any.
    pub(super) fn drop_kernel(&mut self) -> bool {
        self.is_pinned = false;
        self.drop_shared(self.first_shared..SWITCHER_SLOT)
    }

    /// Drops what is in these slots and shared; true if there was any. Costs what is in use.
    pub(super) fn drop_shared(&mut self, slots: Range<usize>) -> bool {
        let first = slots.start.max(self.first_shared);
        let mut from = first;
        while let Some(slot) = self.pool.next_used(self.template, from..slots.end) {
            self.drop_shared_slot(slot);
            from = slot + 1;
        }
        from > first
    }

    /// Empties the half of a table that begins at entry `first`.
    pub(super) fn drop_half(&mut self, table: TableId, first: usize) {
        self.pool.clear(table, first..first + ENTRIES / 2);
        self.pool.note_rights(table, first, 0);
    }

    pub(super) fn drop_slot(&mut self, directory: TableId, slot: usize) {
        let entry = directory.get(slot);
        self.edit(directory, slot, 0);
        if let Some(table) = self.pool.table_at(entry) {
            self.pool.give_back(table);
        }
    }

    fn drop_shared_slot(&mut self, slot: usize) {
        let entry = self.template.get(slot);
        self.edit_shared_slot(slot, 0);
        if let Some(table) = self.pool.table_at(entry) {
            self.pool.give_back(table);
        }
    }
}
