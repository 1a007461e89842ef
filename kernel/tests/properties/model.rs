//! The model: a Guest's own page tables, walked slowly and obviously.
//!
//! This is what a CPU would do if it were given the Guest's tables themselves,
//! as 32-bit or PAE paging with CR0.WP set, and what the treaty adds: large
//! pages, odd flags above the last level and frames beyond memory kill, but for
//! those of devices.
//!
//! Where shadows may differ from a CPU, by our choice:
//! - Where virtual-8086 code could run from, ring 3 may be shut out; A and D are set all the same.
//! - A of a *directory* entry is set even if the level below then faults.
//! - In the kernel half of the two-level format, A of a directory entry is set
//!   in the address space that touched the page first; the others share the
//!   shadow and may keep theirs clear ([`Model::adopt`]).
//!
//! A and D of page-table entries have no such licence, and PAE, whose address
//! spaces share the kernel's middle directory, needs none at all.
//!
//! Source: Intel SDM Vol. 3, "32-Bit Paging", "PAE Paging", "Accessed and
//! Dirty Flags"; lguest ABI, "Demand fault, in order", "PAE".
//!
//! Next on the tour: [`crate::world`].

use abi::kill::PageTableError;
use abi::lguest_data::SWITCHER_BASE;
use abi::{GuestLinear, GuestPhys, KillReason, PAGE_SIZE};
use kernel::cpu::exit::PageFaultCode;
use kernel::shadow::entry::{A, D, P, PS, U, W};
use kernel::shadow::walk::Format;
use proptest::prop_assert;
use proptest::test_runner::TestCaseError;

use crate::hardware::Access;
use crate::ram::Ram;
use crate::shape::Shape;

/// What may stand above an entry of PAE: NX, which is hidden from Guests and means nothing.
const NX: u32 = 1 << 31;

/// How an access ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It reaches this byte.
    Byte(GuestPhys),
    /// It reaches a device, and no memory.
    Device,
    /// The Guest sees this page fault.
    Fault(PageFaultCode),
    /// Ring 3 may not go there, whatever its tables say.
    Closed,
    /// The Guest is dead.
    Killed(KillReason),
}

/// A Guest's memory and what it told the Host.
pub struct Model {
    /// Its memory.
    pub ram: Ram,
    /// How it writes its tables, and how many it has.
    pub shape: Shape,
    /// Its current top level; `None` in linear mode.
    pub top: Option<u32>,
    /// One past the end of its kernel stack, and how many pages that has.
    pub stack: Option<(u32, u32)>,
}

impl Model {
    fn pages(&self) -> u32 {
        self.ram.0.len() as u32 / PAGE_SIZE
    }

    /// Whether an entry, present, with `high` above it, is one the Host follows at the last level.
    pub fn is_sound_page(&self, entry: u32, high: u32) -> bool {
        entry & PS == 0 && entry >> 12 < self.pages() && high & !NX == 0
    }

    /// Whether such an entry names a device, which no memory is behind.
    fn is_device(&self, entry: u32, high: u32) -> bool {
        let at = entry & !0xFFF;
        let devices = self.ram.0.len() as u32..self.shape.device_limit();
        entry & PS == 0 && devices.contains(&at) && high & !NX == 0
    }

    /// Whether such an entry is one a Guest may have.
    pub fn is_lawful(&self, entry: u32, high: u32) -> bool {
        self.is_sound_page(entry, high) || self.is_device(entry, high)
    }

    /// The present entry at `place`.
    fn present(&self, place: u32, at: GuestLinear, access: Access) -> Result<u32, Outcome> {
        let entry = self.ram.word(place);
        if entry & P == 0 {
            return Err(Outcome::Fault(access.code(false)));
        }
        if self.shape.format == Format::Pae && self.ram.word(place + 4) & !NX != 0 {
            return Err(Outcome::Killed(PageTableError::Entry { at, entry }.into()));
        }
        Ok(entry)
    }

    /// The table that the present entry at `place` leads to, if it has no other flags than these.
    fn below(&self, place: u32, at: GuestLinear, access: Access, flags: u32) -> Result<u32, Outcome> {
        let entry = self.present(place, at, access)?;
        if entry & 0xFFF & !flags != 0 || entry >> 12 >= self.pages() {
            return Err(Outcome::Killed(PageTableError::Directory { at, entry }.into()));
        }
        Ok(entry & !0xFFF)
    }

    /// Where the entry for `at` lies that leads to a page table.
    fn upper_at(&self, top: u32, at: GuestLinear, access: Access) -> Result<u32, Outcome> {
        match self.shape.format {
            Format::TwoLevel => Ok(top + (at.0 >> 22) * 4),
            Format::Pae => {
                let middle = self.below(top + (at.0 >> 30) * 8, at, access, P)?;
                Ok(middle + (at.0 >> 21 & 0x1FF) * 8)
            }
        }
    }

    /// Where the page-table entry for `at` lies, given where the one above does.
    fn entry_at(&self, upper_at: u32, at: GuestLinear, access: Access) -> Result<u32, Outcome> {
        let table = self.below(upper_at, at, access, P | W | U | A | D)?;
        Ok(match self.shape.format {
            Format::TwoLevel => table + (at.0 >> 12 & 0x3FF) * 4,
            Format::Pae => table + (at.0 >> 12 & 0x1FF) * 8,
        })
    }

    /// One access, with all it does to A and D.
    pub fn access(&mut self, at: GuestLinear, access: Access) -> Outcome {
        self.try_access(at, access).map_or_else(|outcome| outcome, Outcome::Byte)
    }

    fn try_access(&mut self, at: GuestLinear, access: Access) -> Result<GuestPhys, Outcome> {
        if at.0 >= SWITCHER_BASE {
            return Err(Outcome::Fault(access.code(false)));
        }
        let Some(top) = self.top else {
            return self.access_linear(at, access);
        };
        let upper_at = self.upper_at(top, at, access)?;
        let entry_at = self.entry_at(upper_at, at, access)?;
        let upper = self.ram.word(upper_at);
        self.ram.set_word(upper_at, upper | A);
        let entry = self.present(entry_at, at, access)?;
        if !access.is_allowed(upper & entry) {
            return Err(Outcome::Fault(access.code(true)));
        }
        if !self.is_lawful(entry, 0) {
            return Err(Outcome::Killed(PageTableError::Entry { at, entry }.into()));
        }
        self.ram.set_word(entry_at, entry | A | if access.write { D } else { 0 });
        match self.is_device(entry, 0) {
            true => Err(Outcome::Device),
            false if access.user && self.shape.is_closed(at) => Err(Outcome::Closed),
            false => Ok(GuestPhys(entry & !0xFFF | at.page_offset())),
        }
    }

    fn access_linear(&self, at: GuestLinear, access: Access) -> Result<GuestPhys, Outcome> {
        if access.user {
            return Err(Outcome::Fault(access.code(false)));
        }
        if at.0 >> 12 >= self.pages() {
            return Err(Outcome::Killed(PageTableError::Linear { at }.into()));
        }
        Ok(GuestPhys(at.0))
    }

    /// Each middle directory below `top`, and the first address it is for.
    pub fn middles(&self, top: u32) -> Vec<(GuestLinear, u32)> {
        match self.shape.format {
            Format::TwoLevel => Vec::new(),
            Format::Pae => self.present_below(top, 0..4, 30),
        }
    }

    /// Each page table below `top`, and the first address it is for.
    pub fn tables(&self, top: u32) -> Vec<(GuestLinear, u32)> {
        let slots = self.shape.slots();
        match self.shape.format {
            Format::TwoLevel => self.present_below(top, slots, 22),
            Format::Pae => {
                let below = |(first, middle): (GuestLinear, u32)| {
                    let slots = 0..512.min(slots.end - (first.0 >> 21));
                    let tables = self.present_below(middle, slots, 21);
                    tables.into_iter().map(move |(at, table)| (GuestLinear(first.0 | at.0), table))
                };
                self.middles(top)
                    .into_iter()
                    .filter(|&(_, middle)| middle < self.pages() << 12)
                    .flat_map(below)
                    .collect()
            }
        }
    }

    /// What the present entries of a table lead to, and the first addresses they are for.
    fn present_below(
        &self,
        table: u32,
        indices: core::ops::Range<u32>,
        shift: u32,
    ) -> Vec<(GuestLinear, u32)> {
        let entry = |index| self.ram.word(table + index * self.shape.format.entry_len());
        let present = indices.map(|index| (index, entry(index))).filter(|(_, entry)| entry & P != 0);
        present.map(|(index, entry)| (GuestLinear(index << shift), entry & !0xFFF)).collect()
    }

    /// Linear addresses, one in each page of the kernel stack.
    pub fn stack_pages(&self) -> impl Iterator<Item = GuestLinear> + use<> {
        let (end, pages) = self.stack.unwrap_or((0, 0));
        (0..pages).map(move |page| GuestLinear(end.wrapping_sub(1).wrapping_sub(page * PAGE_SIZE)))
    }

    /// Before the Guest runs its kernel stack is made writable, or it dies.
    pub fn pin(&mut self) -> Option<KillReason> {
        for at in self.stack_pages() {
            match self.access(at, Access { write: true, user: false }) {
                Outcome::Byte(_) => {}
                Outcome::Fault(_) | Outcome::Device | Outcome::Closed => {
                    return Some(PageTableError::Stack { at: at.page_base() }.into());
                }
                Outcome::Killed(reason) => return Some(reason),
            }
        }
        None
    }

    /// Compares memory after a step and takes over the A bits that shadows may decide on their
    /// own: those of two-level directories from `kernel_entry` up.
    pub fn adopt(&mut self, real: &Ram, kernel_entry: u32) -> Result<(), TestCaseError> {
        if self.ram.0 == real.0 {
            return Ok(());
        }
        for at in (0..self.ram.0.len() as u32 & !3).step_by(4) {
            let (ours, theirs) = (self.ram.word(at), real.word(at));
            if ours == theirs {
                continue;
            }
            let is_shared = self.shape.top_entry(at).is_some_and(|(_, index)| index >= kernel_entry);
            let is_licensed = self.shape.format == Format::TwoLevel && is_shared && ours ^ theirs == A;
            prop_assert!(is_licensed, "word {at:#x} is {theirs:#x}, the model has {ours:#x}");
            self.ram.set_word(at, theirs);
        }
        Ok(())
    }

    /// Judges a translation the CPU would find: the Guest's own tables must give as much.
    pub fn allows(&self, at: GuestLinear, page: GuestPhys, rights: u32) -> bool {
        let Some(top) = self.top else {
            return page.0 == at.0 && rights & U == 0;
        };
        let read = Access { write: false, user: false };
        let found = self.upper_at(top, at, read).and_then(|upper_at| {
            let entry_at = self.entry_at(upper_at, at, read)?;
            Ok((self.ram.word(upper_at), self.present(entry_at, at, read)?))
        });
        let Ok((upper, entry)) = found else {
            return false;
        };
        let may_write = entry & D != 0 && upper & entry & W != 0;
        entry & A != 0
            && self.is_sound_page(entry, 0)
            && entry & !0xFFF == page.0
            && (rights & W == 0 || may_write)
            && (rights & U == 0 || upper & entry & U != 0)
    }
}
