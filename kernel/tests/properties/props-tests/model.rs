//! The model: a Guest's own page tables, walked slowly and obviously.
//!
//! This is what a CPU would do if it were given the Guest's tables themselves,
//! as 32-bit paging with CR0.WP set, and what the treaty adds: large pages,
//! odd directory flags and frames beyond memory kill.
//!
//! Where shadows may differ from a CPU, by our choice:
//! - A of a *directory* entry is set even if the level below then faults.
//! - In the kernel half, A of a directory entry is set in the address space
//!   that touched the page first; the others share the shadow and may keep
//!   theirs clear.
//! - Telling of a page-table entry that has A may set A of the directory
//!   entry above it.
//!
//! The last two are [`Model::adopt`]; A and D of page-table entries have no
//! such licence.
//!
//! Source: Intel SDM Vol. 3, "32-Bit Paging", "Accessed and Dirty Flags";
//! lguest ABI, "Demand fault, in order".
//!
//! Next on the tour: [`crate::world`].

use abi::kill::PageTableError;
use abi::lguest_data::SWITCHER_BASE;
use abi::{GuestLinear, GuestPhys, KillReason, PAGE_SIZE};
use kernel::exit::PageFaultCode;
use kernel::shadow::entry::{A, D, P, PS, U, W};
use proptest::prop_assert;
use proptest::test_runner::TestCaseError;

use crate::hardware::Access;
use crate::ram::Ram;

/// How an access ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It reaches this byte.
    Byte(GuestPhys),
    /// The Guest sees this page fault.
    Fault(PageFaultCode),
    /// The Guest is dead.
    Killed(KillReason),
}

/// A Guest's memory and what it told the Host.
pub struct Model {
    /// Its memory.
    pub ram: Ram,
    /// Its current directory; `None` in linear mode.
    pub top: Option<u32>,
    /// One past the end of its kernel stack, and how many pages that has.
    pub stack: Option<(u32, u32)>,
}

impl Model {
    fn pages(&self) -> u32 {
        self.ram.0.len() as u32 / PAGE_SIZE
    }

    /// Whether a present directory entry is one the Host follows.
    pub fn is_sound_directory(&self, entry: u32) -> bool {
        entry & 0xFFF & !(P | W | U | A | D) == 0 && entry >> 12 < self.pages()
    }

    /// Whether a present page-table entry is one the Host follows.
    pub fn is_sound_page(&self, entry: u32) -> bool {
        entry & PS == 0 && entry >> 12 < self.pages()
    }

    /// Directory and page-table entry for `at`, and where they are; nothing is changed.
    pub fn entries(&self, at: GuestLinear) -> Option<((u32, u32), (u32, u32))> {
        let directory_at = self.top? + (at.0 >> 22) * 4;
        let directory = self.ram.word(directory_at);
        if directory & P == 0 || !self.is_sound_directory(directory) {
            return None;
        }
        let entry_at = (directory & !0xFFF) + (at.0 >> 12 & 0x3FF) * 4;
        Some(((directory_at, directory), (entry_at, self.ram.word(entry_at))))
    }

    /// One access, with all it does to A and D.
    pub fn access(&mut self, at: GuestLinear, access: Access) -> Outcome {
        if at.0 >= SWITCHER_BASE {
            return Outcome::Fault(access.code(false));
        }
        let Some(top) = self.top else {
            return self.access_linear(at, access);
        };
        let directory_at = top + (at.0 >> 22) * 4;
        let directory = self.ram.word(directory_at);
        if directory & P == 0 {
            return Outcome::Fault(access.code(false));
        }
        if !self.is_sound_directory(directory) {
            return Outcome::Killed(PageTableError::Directory { at, entry: directory }.into());
        }
        self.ram.set_word(directory_at, directory | A);
        let entry_at = (directory & !0xFFF) + (at.0 >> 12 & 0x3FF) * 4;
        let entry = self.ram.word(entry_at);
        if entry & P == 0 {
            return Outcome::Fault(access.code(false));
        }
        if !access.is_allowed(directory & entry) {
            return Outcome::Fault(access.code(true));
        }
        if !self.is_sound_page(entry) {
            return Outcome::Killed(PageTableError::Entry { at, entry }.into());
        }
        self.ram.set_word(entry_at, entry | A | if access.write { D } else { 0 });
        Outcome::Byte(GuestPhys(entry & !0xFFF | at.page_offset()))
    }

    fn access_linear(&mut self, at: GuestLinear, access: Access) -> Outcome {
        if access.user {
            return Outcome::Fault(access.code(false));
        }
        if at.0 >> 12 >= self.pages() {
            return Outcome::Killed(PageTableError::Linear { at }.into());
        }
        Outcome::Byte(GuestPhys(at.0))
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
                Outcome::Fault(_) => return Some(PageTableError::Stack { at: at.page_base() }.into()),
                Outcome::Killed(reason) => return Some(reason),
            }
        }
        None
    }

    /// Compares memory after a step and takes over the A bits that shadows may decide on their
    /// own: those of `directories` (page numbers) from `kernel_slot` up, and, once an entry was
    /// told, those that were set below it.
    pub fn adopt(
        &mut self,
        real: &Ram,
        directories: u32,
        kernel_slot: u32,
        told: bool,
    ) -> Result<(), TestCaseError> {
        if self.ram.0 == real.0 {
            return Ok(());
        }
        for at in (0..self.ram.0.len() as u32 & !3).step_by(4) {
            let (ours, theirs) = (self.ram.word(at), real.word(at));
            if ours == theirs {
                continue;
            }
            let is_directory = at / PAGE_SIZE < directories;
            let is_shared = at % PAGE_SIZE / 4 >= kernel_slot;
            let is_licensed = is_shared || (told && theirs & A != 0);
            prop_assert!(
                is_directory && ours ^ theirs == A && is_licensed,
                "word {at:#x} is {theirs:#x}, the model has {ours:#x}"
            );
            self.ram.set_word(at, theirs);
        }
        Ok(())
    }

    /// Judges a translation the CPU would find: the Guest's own tables must give as much.
    pub fn allows(&self, at: GuestLinear, page: GuestPhys, rights: u32) -> bool {
        if self.top.is_none() {
            return page.0 == at.0 && rights & U == 0;
        }
        let Some(((_, directory), (_, entry))) = self.entries(at) else {
            return false;
        };
        let may_write = entry & D != 0 && directory & entry & W != 0;
        entry & (P | A) == P | A
            && self.is_sound_page(entry)
            && entry & !0xFFF == page.0
            && (rights & W == 0 || may_write)
            && (rights & U == 0 || directory & entry & U != 0)
    }
}
