//! What a Guest says it changed, applied to its shadows.
//!
//! The Guest edits its tables first and tells afterwards. A changed page is
//! put in at once if the Guest has used it before (A), else taken out and left
//! to the next fault; a changed directory entry takes its whole table out.
//!
//! Source: lguest ABI, "What each call must do".
//!
//! Next on the tour: [`crate::trap`].

use abi::kill::PageTableError;
use abi::lguest_data::SWITCHER_BASE;
use abi::{GuestLinear, GuestMemory, GuestPhys, GuestResult, PAGE_SIZE};

use super::entry::{A, GuestEntry, is_inside, mirror};
use super::pool::{ENTRIES, TableId};
use super::walk::{directory_index, find_table, table_index};
use super::{KernelStack, SWITCHER_SLOT, Shadow};

impl Shadow {
    /// `NEW_PGTABLE`: makes the Guest directory at `top` current. The first one ends linear mode.
    ///
    /// # Errors
    /// [`PageTableError::Root`] if there is no such page.
    #[inline]
    pub fn switch_to(&mut self, top: GuestPhys, limit: u32) -> GuestResult {
        if top.page_offset() != 0 || !is_inside(top, limit) {
            return Err(PageTableError::Root { at: top }.into());
        }
        if self.roots.switch_to(top) {
            self.is_pinned &= self.stack_is_shared();
            return Ok(());
        }
        if self.roots.current().is_some_and(|root| root.guest.is_none()) {
            self.drop_all();
        }
        self.add_root(Some(top)).map(|_| ())
    }

    /// `SET_PTE`: the Guest's entry for `at` below `top` is now `entry`.
    ///
    /// # Errors
    /// [`PageTableError::Reserved`] in the Switcher's area, [`PageTableError::Entry`] for a
    /// mapping the Host will not follow.
    #[inline]
    pub fn set_pte(
        &mut self,
        memory: &mut impl GuestMemory,
        top: GuestPhys,
        at: GuestLinear,
        entry: GuestEntry,
    ) -> GuestResult {
        if at.0 >= SWITCHER_BASE {
            return Err(PageTableError::Reserved { at }.into());
        }
        if entry.is_present() {
            entry.page(at, memory.limit())?;
        }
        self.is_pinned &= !self.is_on_stack(at);
        if at.0 < self.kernel_address {
            let Some(root) = self.roots.find(top) else {
                return Ok(());
            };
            return self.change(memory, root.directory, top, at, entry);
        }
        if directory_index(at) >= self.first_shared {
            return self.change(memory, self.template, top, at, entry);
        }
        // A kernel that begins in the middle of a slot has that slot in each root apart.
        for root in self.roots.iter().collect::<alloc::vec::Vec<_>>() {
            self.change(memory, root.directory, top, at, entry)?;
        }
        Ok(())
    }

    #[inline]
    fn change(
        &mut self,
        memory: &mut impl GuestMemory,
        directory: TableId,
        top: GuestPhys,
        at: GuestLinear,
        entry: GuestEntry,
    ) -> GuestResult {
        let slot = self.pool.get(directory, directory_index(at));
        let Some(table) = self.pool.table_at(slot) else {
            return Ok(());
        };
        let shadow = match self.is_used(entry).then(|| find_table(memory, top, at)).transpose()? {
            Some(Some(guest_table)) => mirror(entry, guest_table.rights, self.host_base),
            Some(None) | None => 0,
        };
        self.edit(table, table_index(at), shadow);
        Ok(())
    }

    fn is_used(&self, entry: GuestEntry) -> bool {
        entry.is_present() && entry.0 & A != 0
    }

    /// `SET_PGD`: directory entry `index` below `top` changed.
    ///
    /// # Errors
    /// [`PageTableError::Index`] past the last entry.
    pub fn set_pgd(&mut self, top: GuestPhys, index: u32) -> GuestResult {
        let slot = index as usize;
        if slot >= ENTRIES {
            return Err(PageTableError::Index { index }.into());
        }
        if slot == SWITCHER_SLOT {
            return Ok(());
        }
        self.is_pinned = false;
        if slot >= self.first_shared {
            self.drop_shared_slot(slot);
        } else if let Some(root) = self.roots.find(top) {
            self.drop_slot(root.directory, slot);
        }
        Ok(())
    }

    /// `FLUSH_TLB(0)`: forgets the user part of the current address space.
    pub fn flush_user(&mut self) {
        self.drop_current_user();
    }

    /// `FLUSH_TLB(1)`: forgets everything everywhere, except which address space is current.
    pub fn flush_all(&mut self) {
        while self.drop_oldest_root() {}
        self.drop_current_user();
        self.drop_kernel();
    }

    /// `SET_STACK`: `pages` pages below `end` must be writable whenever the Guest runs.
    pub fn set_stack(&mut self, end: u32, pages: u32) {
        self.stack = Some(KernelStack { end, pages });
        self.is_pinned = false;
    }

    fn is_on_stack(&self, at: GuestLinear) -> bool {
        self.stack.is_some_and(|stack| {
            let below = stack.end.wrapping_sub(1).wrapping_sub(at.0);
            below < (stack.pages + 1) * PAGE_SIZE
        })
    }
}
