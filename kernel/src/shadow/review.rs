//! Looking again: what a flush need not forget.
//!
//! `FLUSH_TLB(0)`, and a `SET_PTE` to nothing, say that the CPU must not go by
//! what it remembers. A CPU fills its memory again by itself; a shadow is filled
//! by faults, each as dear as twenty looks. So what is remembered is held against the
//! Guest's own tables: what they still give stays, and is what a fault would
//! fill in now; all else goes.
//!
//! ```text
//! Guest's entry now   P, A, sound: mirrored, so writable only with D
//!                     else:        0, and the next touch faults
//! ```
//!
//! Looking at all a program ever touched would be dear as well. So shadow entries age:
//! the CPU sets A in those it uses, and one that was not used between four flushes goes.
//!
//! Invariants:
//! - Nothing is written to the Guest's tables, and nothing stays that lacks A
//!   at either level (`what_a_flush_keeps_is_what_the_tables_give`).
//! - A flush looks at [`MOST`] entries at most; the rest is forgotten
//!   (`a_flush_of_very_much_forgets_the_rest`).
//!
//! Source: lguest ABI, "What each call must do".
//!
//! Next on the tour: [`crate::shadow::look`].

use abi::{GuestLinear, GuestMemory, GuestPhys, HostPhys, PAGE_SIZE};

use super::Shadow;
use super::entry::{aged, mirror};
use super::pool::{ENTRIES, TableId};
use super::roots::Root;
use super::walk::{Format, GuestTable, table_index};

/// Entries a flush looks at: a ring full of flushes must not keep the Host for long.
const MOST: usize = 256;

impl Shadow {
    /// `FLUSH_TLB(0)`: forgets of the user part of the current address space what is not so any
    /// more.
    #[inline(never)]
    pub fn flush_user(&mut self, memory: &impl GuestMemory) {
        self.is_pinned &= self.stack_is_shared();
        let Some(Root { guest: Some(top), directory }) = self.roots.current() else {
            self.drop_current_user();
            return;
        };
        let (mut from, mut left) = (0, MOST);
        while let Some(slot) = self.pool.next_used(directory, from..self.first_shared) {
            from = slot + 1;
            if !self.review_slot(memory, top, directory, slot, &mut left) {
                self.drop_slot(directory, slot);
            }
        }
    }

    /// Reviews the table in a directory slot; false if nothing of it is to stay.
    fn review_slot(
        &mut self,
        memory: &impl GuestMemory,
        top: GuestPhys,
        directory: TableId,
        slot: usize,
        left: &mut usize,
    ) -> bool {
        let Some(table) = self.pool.table_at(directory.get(slot)) else {
            return false;
        };
        let mut stays = false;
        for first in [0, ENTRIES / 2] {
            if self.pool.rights(table, first) != 0 {
                stays |= self.review_half(memory, top, table, (slot, first), left);
            }
        }
        stays
    }

    /// Reviews the half of a table that begins at entry `first`, with `left` looks to spend.
    #[inline]
    fn review_half(
        &mut self,
        memory: &impl GuestMemory,
        top: GuestPhys,
        table: TableId,
        (slot, first): (usize, usize),
        left: &mut usize,
    ) -> bool {
        let at = |index| GuestLinear((slot * ENTRIES + index) as u32 * PAGE_SIZE);
        let guest = match self.format.table_in_use(memory, top, at(first)) {
            Some(guest) if *left > 0 => guest,
            Some(_) | None => {
                self.drop_half(table, first);
                return false;
            }
        };
        if at(first).0 < self.judge.closed_half {
            self.drop_half(table, first); // little is there, and it has rights of its own
            return false;
        }
        self.pool.note_rights(table, first, guest.rights);
        let (format, base) = (self.format, self.judge.host_base);
        self.pool.renew(table, first..first + ENTRIES / 2, |index, old| match left.checked_sub(1) {
            Some(fewer) => {
                *left = fewer;
                match as_is(format, memory, guest, at(index), base) {
                    0 => 0,
                    fresh => aged(old, fresh),
                }
            }
            None => 0,
        });
        true
    }

    /// Puts into `table`, for `at`, what the Guest's own tables below `top` give now.
    #[inline]
    pub(super) fn look_again(
        &mut self,
        memory: &impl GuestMemory,
        top: GuestPhys,
        table: TableId,
        at: GuestLinear,
    ) {
        let mut guest = self.roots.find(top).and_then(|_| self.format.table_in_use(memory, top, at));
        if let Some(guest) = &mut guest {
            guest.rights = self.judge.rights_at(at, guest.rights);
        }
        let base = self.judge.host_base;
        let entry = guest.map_or(0, |guest| as_is(self.format, memory, guest, at, base));
        self.edit(table, table_index(at), entry);
    }
}

/// The shadow of the entry for `at` in a Guest's page table as it stands, 0 if a fault would have
/// more to do than to fill that in.
#[inline]
fn as_is(
    format: Format,
    memory: &impl GuestMemory,
    table: GuestTable,
    at: GuestLinear,
    base: HostPhys,
) -> u32 {
    match format.read(memory, format.entry_at(table.at, at), at) {
        Ok(entry) if entry.is_used_page(memory.limit()) => mirror(entry, table.rights, base),
        Ok(_) | Err(_) => 0,
    }
}
