//! What a Guest says it changed, applied to its shadows.
//!
//! The Guest edits its tables first and tells afterwards. A changed page is
//! put in at once if the Guest has used it before (A), else taken out and left
//! to the next fault; a changed directory entry takes its whole table out.
//!
//! Source: lguest ABI, "What each call must do".
//!
//! Next on the tour: `review.rs`.

use abi::kill::PageTableError;
use abi::{GuestLinear, GuestMemory, GuestPhys, GuestResult, PAGE_SIZE};

use super::entry::is_inside;
use super::pool::{ENTRIES, HALF, TableId};
use super::walk::{Format, directory_index, table_index};
use super::{KernelStack, SWITCHER_SLOT, Shadow};
use crate::hypercall::set_pte::{Run, SetPte};

/// Where a change goes.
#[derive(Clone, Copy)]
enum Place {
    /// Nothing was filled in there, so nothing has to be taken out or changed.
    Nowhere,
    /// Into this table, with what the level above allows.
    Table { table: TableId, rights: u32 },
    /// To the Switcher's area, which is not the Guest's to map.
    Reserved,
    /// Into the slot where the kernel half begins, if that is in the middle of it.
    Split,
}

impl Shadow {
    /// `NEW_PGTABLE`: makes the Guest directory at `top` current. The first one ends linear mode.
    ///
    /// # Errors
    /// [`PageTableError::Root`] if there is no such page.
    #[inline]
    pub fn switch_to(&mut self, memory: &impl GuestMemory, top: GuestPhys) -> GuestResult {
        if self.roots.switch_to(top) {
            self.is_pinned &= self.stack_is_shared();
            return Ok(()); // it was judged when it came
        }
        if !is_inside(top.page_base(), memory.limit()) {
            return Err(PageTableError::Root { at: top }.into());
        }
        if !self.is_format_known {
            self.set_format(Some(Format::guess(memory, top)?));
        }
        if !top.0.is_multiple_of(self.format.top_alignment()) {
            return Err(PageTableError::Root { at: top }.into());
        }
        if self.roots.current().is_some_and(|root| root.guest.is_none()) {
            self.drop_all();
        }
        self.add_root(Some(top)).map(|_| ())
    }

    /// `SET_PTE`: an entry of the Guest is another now, or a page is to be forgotten.
    ///
    /// # Errors
    /// [`PageTableError::Reserved`] in the Switcher's area, [`PageTableError::Entry`] for a
    /// mapping the Host will not follow.
    #[inline(never)]
    pub fn set_pte(&mut self, memory: &impl GuestMemory, change: SetPte) -> GuestResult {
        let place = self.place_of(change.top, change.at);
        match place {
            Place::Table { table, .. } if change.entry == 0 => {
                self.look_again(memory, change.top, table, change.at);
                Ok(())
            }
            _ => self.set_in(place, memory.limit(), change),
        }
    }

    /// Several of `SET_PTE` that were queued, in their order, in a memory of `limit` bytes.
    /// Neighbours cost one look-up together.
    ///
    /// # Errors
    /// As [`Shadow::set_pte`]; what came before is done.
    #[inline(never)]
    pub fn set_ptes(&mut self, limit: u32, run: &mut Run) -> GuestResult {
        let judge = self.judge;
        while let Some(first) = run.take() {
            let place = self.place_of(first.top, first.at);
            self.set_in(place, limit, first)?;
            let Place::Table { table, rights } = place else {
                continue;
            };
            let is_neighbour = |other: &SetPte| other.top == first.top && other.at.0 ^ first.at.0 < HALF;
            run.obey_while(is_neighbour, |change| {
                let shadow = judge.mirrored(limit, change, rights)?;
                self.pool.set_again(table, table_index(change.at), shadow);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Puts a changed entry in if it has been used, else takes out what was there.
    #[inline(always)]
    fn set_in(&mut self, place: Place, limit: u32, change: SetPte) -> GuestResult {
        match place {
            Place::Table { table, rights } => {
                let shadow = self.judge.mirrored(limit, change, rights)?;
                self.edit(table, table_index(change.at), shadow);
                Ok(())
            }
            Place::Nowhere => self.judge.mirrored(limit, change, 0).map(drop),
            Place::Split => self.put_split(limit, change),
            Place::Reserved => Err(PageTableError::Reserved { at: change.at }.into()),
        }
    }

    /// Where a change for `at` below `top` goes, and every other in the same half of a table.
    #[inline(always)]
    fn place_of(&mut self, top: GuestPhys, at: GuestLinear) -> Place {
        self.is_pinned &= !self.stack.is_near(at);
        let slot = directory_index(at);
        if slot < self.first_kernel {
            self.roots.find(top).map_or(Place::Nowhere, |root| self.place_in(root.directory, at))
        } else if slot < self.first_shared {
            Place::Split
        } else if slot < SWITCHER_SLOT {
            self.place_in(self.template, at)
        } else {
            Place::Reserved
        }
    }

    /// Where a change for `at` goes below one directory of ours.
    #[inline]
    fn place_in(&self, directory: TableId, at: GuestLinear) -> Place {
        match self.pool.table_at(directory.get(directory_index(at))) {
            Some(table) => match self.pool.rights(table, table_index(at)) {
                0 => Place::Nowhere,
                rights => Place::Table { table, rights },
            },
            None => Place::Nowhere,
        }
    }

    /// A kernel that begins in the middle of a slot has that slot in each root apart.
    #[cold]
    fn put_split(&mut self, limit: u32, change: SetPte) -> GuestResult {
        let SetPte { top, at, .. } = change;
        self.judge.mirrored(limit, change, 0)?;
        let is_everywhere = at.0 >= self.kernel_address;
        for index in 0..self.roots.len() {
            let root = self.roots.get(index).filter(|root| is_everywhere || root.guest == Some(top));
            if let Some(root) = root
                && let Place::Table { table, rights } = self.place_in(root.directory, at)
            {
                let shadow = self.judge.mirrored(limit, change, rights)?;
                self.edit(table, table_index(at), shadow);
            }
        }
        Ok(())
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
        if let Some(table) = self.pool.table_at(directory.get(directory_index(at))) {
            self.drop_half(table, table_index(at));
        }
    }

    /// `FLUSH_TLB(1)`: forgets everything everywhere, except which address space is current.
    pub fn flush_all(&mut self) {
        while self.drop_oldest_root() {}
        self.drop_current_user();
        self.drop_kernel();
    }

    /// `SET_STACK`: `pages` pages below `end` must be writable whenever the Guest runs.
    pub fn set_stack(&mut self, end: u32, pages: u32) {
        self.stack = KernelStack::new(end, pages);
        self.is_pinned = false;
    }
}
