//! What a Guest says it changed, applied to its shadows.
//!
//! The Guest edits its tables first and tells afterwards. A changed page is
//! put in at once if the Guest has used it before (A), else taken out and left
//! to the next fault; a changed directory entry takes its whole table out.
//!
//! Source: lguest ABI, "What each call must do".
//!
//! Next on the tour: [`crate::event`].

use abi::kill::PageTableError;
use abi::lguest_data::SWITCHER_BASE;
use abi::{GuestLinear, GuestMemory, GuestPhys, GuestResult, PAGE_SIZE};

use super::entry::{A, D, GuestEntry, is_inside, mirror};
use super::pool::{ENTRIES, TableId};
use super::walk::{Format, check_high, directory_index, table_index};
use super::{KernelStack, SWITCHER_SLOT, Shadow};

impl Shadow {
    /// `NEW_PGTABLE`: makes the Guest directory at `top` current. The first one ends linear mode.
    ///
    /// # Errors
    /// [`PageTableError::Root`] if there is no such page.
    #[inline]
    pub fn switch_to(&mut self, memory: &impl GuestMemory, top: GuestPhys) -> GuestResult {
        if !is_inside(top.page_base(), memory.limit()) {
            return Err(PageTableError::Root { at: top }.into());
        }
        if !self.is_format_known {
            self.set_format(Some(Format::guess(memory, top)?));
        }
        if !top.0.is_multiple_of(self.format.top_alignment()) {
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

    /// `SET_PTE`: the Guest's entry for `at` below `top` is now `entry`, with the high dword `high`
    /// in PAE.
    ///
    /// # Errors
    /// [`PageTableError::Reserved`] in the Switcher's area, [`PageTableError::Entry`] for a
    /// mapping the Host will not follow.
    #[inline]
    pub fn set_pte(
        &mut self,
        memory: &impl GuestMemory,
        top: GuestPhys,
        at: GuestLinear,
        mut entry: GuestEntry,
        high: u32,
    ) -> GuestResult {
        if at.0 >= SWITCHER_BASE {
            return Err(PageTableError::Reserved { at }.into());
        }
        // What has not been used is only taken out, and judged when it is.
        if entry.is_present() && entry.0 & (A | D) != 0 {
            let is_device = entry.is_device(memory.limit(), self.device_limit);
            if !is_device {
                entry.page(at, memory.limit())?;
            }
            if self.format == Format::Pae {
                check_high(entry, high, at)?;
            }
            if is_device {
                entry = GuestEntry(0); // which maps nothing
            }
        }
        self.is_pinned &= !self.is_on_stack(at);
        if at.0 < self.kernel_address {
            if let Some(root) = self.roots.find(top) {
                self.change(root.directory, at, entry);
            }
            return Ok(());
        }
        if directory_index(at) >= self.first_shared {
            self.change(self.template, at, entry);
            return Ok(());
        }
        // A kernel that begins in the middle of a slot has that slot in each root apart.
        for index in 0..self.roots.len() {
            self.roots.get(index).into_iter().for_each(|root| self.change(root.directory, at, entry));
        }
        Ok(())
    }

    /// Puts `entry` in, if there is a table for it that something was filled into before: then it
    /// is known what the level above allows, and the Guest's tables need not be walked.
    #[inline]
    fn change(&mut self, directory: TableId, at: GuestLinear, entry: GuestEntry) {
        let slot = self.pool.get(directory, directory_index(at));
        let Some(table) = self.pool.table_at(slot) else {
            return;
        };
        let index = table_index(at);
        let is_used = entry.is_present() && entry.0 & A != 0;
        let shadow = match self.pool.rights(table, index) {
            Some(rights) if is_used => mirror(entry, rights, self.host_base),
            Some(_) | None => 0,
        };
        self.edit(table, index, shadow);
    }

    /// `SET_PGD`: top-level entry `index` below `top` changed: 4 MiB, or 1 GiB in PAE.
    ///
    /// # Errors
    /// [`PageTableError::Index`] past the last entry.
    pub fn set_pgd(&mut self, top: GuestPhys, index: u32) -> GuestResult {
        let slots = match self.format {
            Format::TwoLevel => 1,
            Format::Pae => ENTRIES / 4,
        };
        let first = index as usize;
        if first >= ENTRIES / slots {
            return Err(PageTableError::Index { index }.into());
        }
        self.is_pinned = false;
        let range = first * slots..((first + 1) * slots).min(SWITCHER_SLOT);
        self.drop_shared(range.clone());
        if let Some(root) = self.roots.find(top) {
            self.drop_own(root.directory, range);
        }
        Ok(())
    }

    /// `SET_PMD` of PAE: entry `index` of the middle directory at `middle` changed. Its 2 MiB are
    /// dropped from each address space whose top level leads to that directory. A top level that
    /// the Guest has no more use for is cached all the same and may hold anything by now: what the
    /// Host will not follow leads nowhere.
    ///
    /// # Errors
    /// [`PageTableError::Index`] past the last entry.
    pub fn set_pmd(&mut self, memory: &impl GuestMemory, middle: GuestPhys, index: u32) -> GuestResult {
        if index >= PAGE_SIZE / Format::Pae.entry_len() {
            return Err(PageTableError::Index { index }.into());
        }
        self.is_pinned = false;
        for number in 0..self.roots.len() {
            let Some((root, top)) = self.roots.get(number).and_then(|root| Some((root, root.guest?))) else {
                continue;
            };
            for quarter in 0..4 {
                let at = GuestLinear(quarter << 30 | index << 21);
                let leads_to = self.format.middle(memory, top, at).ok().flatten();
                if leads_to == Some(middle.page_base()) {
                    self.drop_half_table(root.directory, at);
                }
            }
        }
        Ok(())
    }

    /// Empties the half of a shadow table that the 2 MiB at `at` are in.
    fn drop_half_table(&mut self, directory: TableId, at: GuestLinear) {
        if let Some(table) = self.pool.table_at(self.pool.get(directory, directory_index(at))) {
            let first = table_index(at);
            self.pool.clear(table, first..first + ENTRIES / 2);
            self.pool.note_rights(table, first, None);
        }
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
            let last = GuestLinear(stack.end.wrapping_sub(1)).page_base();
            last.0.wrapping_sub(at.page_base().0) < stack.pages * PAGE_SIZE
        })
    }
}
