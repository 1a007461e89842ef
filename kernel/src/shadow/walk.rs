//! Reading a Guest's own page tables, and keeping its A and D bits.
//!
//! Guests have tables of two formats. The shadows have one, so all that knows
//! the difference is here.
//!
//! ```text
//! two levels   | directory 31..22 |    table 21..12    | offset 11..0 |   4-byte entries
//! PAE          | 31..30 | middle 29..21 | table 20..12 | offset 11..0 |   8-byte entries
//! ```
//!
//! The tables are the Guest's memory: nothing read here is trusted before one
//! of the two judges of [`super::entry`] passed it.
//!
//! Source: Intel SDM Vol. 3, "32-Bit Paging", "PAE Paging", "Accessed and
//! Dirty Flags"; lguest ABI, "PAE".
//!
//! Longer than most files, so that nothing outside it knows that there are two formats.
//!
//! Next on the tour: [`super::fault`].

use abi::kill::PageTableError;
use abi::{GuestLinear, GuestMemory, GuestPhys, GuestResult, PAGE_SIZE};

use super::entry::{A, D, GuestEntry, P, U, W};
use crate::cpu::exit::PageFaultCode;

/// The bit of a PAE entry's high dword that forbids execution; it is hidden from Guests, and
/// means nothing here.
const NX: u32 = 1 << 31;

/// How a Guest writes its page tables.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// A directory of 1,024 entries, tables of 1,024.
    TwoLevel,
    /// Four pointers, middle directories and tables of 512 wider entries.
    Pae,
}

/// Index of a linear address in a shadow directory.
#[inline]
pub const fn directory_index(at: GuestLinear) -> usize {
    (at.0 >> 22) as usize
}

/// Index of a linear address in its shadow page table.
#[inline]
pub const fn table_index(at: GuestLinear) -> usize {
    (at.0 >> 12 & 0x3FF) as usize
}

/// A Guest's page table for an address, and what the level above allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GuestTable {
    /// The table.
    pub at: GuestPhys,
    /// P, W and U of the entry that leads to it.
    pub rights: u32,
}

/// What a walk found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Walk {
    /// A translation that allows the access. A and D are set in the Guest's tables by now.
    Page {
        /// The sound entry.
        entry: GuestEntry,
        /// The table it stands in.
        table: GuestTable,
    },
    /// A translation that allows the access, to where a device shows its registers. A and D are
    /// set as for a page.
    Device(GuestPhys),
    /// The Guest has a fault coming: whether its tables have a translation at all.
    Fault {
        /// There is one, and it forbids the access.
        present: bool,
    },
}

impl Format {
    /// Bytes of an entry.
    #[inline]
    pub const fn entry_len(self) -> u32 {
        match self {
            Self::TwoLevel => 4,
            Self::Pae => 8,
        }
    }

    /// What a present entry has none of in its high dword, which a two-level one does not have.
    #[inline]
    pub const fn unsound_high(self) -> u32 {
        match self {
            Self::TwoLevel => 0,
            Self::Pae => !NX,
        }
    }

    /// Bytes of linear space one page table maps.
    pub const fn table_span(self) -> u32 {
        PAGE_SIZE / self.entry_len() * PAGE_SIZE
    }

    /// Page tables that map 1 GiB.
    pub const fn tables_in_first_gib(self) -> u32 {
        (1 << 30) / self.table_span()
    }

    /// What a top-level table's address must be a multiple of.
    pub const fn top_alignment(self) -> u32 {
        match self {
            Self::TwoLevel => PAGE_SIZE,
            Self::Pae => 32,
        }
    }

    /// Whether the table at `top` looks like the four pointers of PAE: a two-level directory has
    /// flags besides P in its entries, and something in every other dword.
    ///
    /// # Errors
    /// [`abi::KillReason::OutOfGuestMemory`].
    pub fn guess(memory: &impl GuestMemory, top: GuestPhys) -> GuestResult<Self> {
        let mut any = 0;
        for index in 0..4 {
            let low = memory.read_u32(GuestPhys(top.0.wrapping_add(8 * index)))?;
            let high = memory.read_u32(GuestPhys(top.0.wrapping_add(8 * index + 4)))?;
            if high != 0 || low & (PAGE_SIZE - 1) & !P != 0 {
                return Ok(Self::TwoLevel);
            }
            any |= low & P;
        }
        Ok(if any == 0 { Self::TwoLevel } else { Self::Pae })
    }

    /// Where the entry for `at` lies in its page table.
    #[inline]
    pub const fn entry_at(self, table: GuestPhys, at: GuestLinear) -> GuestPhys {
        let index = match self {
            Self::TwoLevel => at.0 >> 12 & 0x3FF,
            Self::Pae => at.0 >> 12 & 0x1FF,
        };
        GuestPhys(table.0.wrapping_add(index * self.entry_len()))
    }

    /// Reads the entry at `place`.
    ///
    /// # Errors
    /// [`PageTableError::Entry`] if it leads beyond 4 GiB.
    #[inline(always)]
    pub fn read(
        self,
        memory: &impl GuestMemory,
        place: GuestPhys,
        at: GuestLinear,
    ) -> GuestResult<GuestEntry> {
        let entry = GuestEntry(memory.read_u32(place)?);
        match self {
            Self::TwoLevel => Ok(entry),
            Self::Pae => {
                let high = memory.read_u32(GuestPhys(place.0.wrapping_add(4)))?;
                check_high(entry, high, at).map(|()| entry)
            }
        }
    }

    /// Where the entry that leads to the page table for `at` lies, if there is such a place.
    #[inline(always)]
    fn upper_entry_at(
        self,
        memory: &impl GuestMemory,
        top: GuestPhys,
        at: GuestLinear,
    ) -> GuestResult<Option<GuestPhys>> {
        match self {
            Self::TwoLevel => Ok(Some(GuestPhys(top.0.wrapping_add((at.0 >> 22) * 4)))),
            Self::Pae => {
                let middle = self.middle(memory, top, at)?;
                Ok(middle.map(|middle| GuestPhys(middle.0 + (at.0 >> 21 & 0x1FF) * 8)))
            }
        }
    }

    /// The middle directory for `at`, which a two-level format does not have.
    ///
    /// # Errors
    /// [`PageTableError::Directory`] for a pointer the Host will not follow.
    pub fn middle(
        self,
        memory: &impl GuestMemory,
        top: GuestPhys,
        at: GuestLinear,
    ) -> GuestResult<Option<GuestPhys>> {
        let place = GuestPhys(top.0.wrapping_add((at.0 >> 30) * 8));
        let pointer = self.read(memory, place, at)?;
        if !pointer.is_present() {
            return Ok(None);
        }
        if pointer.0 & (PAGE_SIZE - 1) != P {
            return Err(PageTableError::Directory { at, entry: pointer.0 }.into());
        }
        pointer.table(at, memory.limit()).map(Some)
    }

    /// Finds the page table for `at` below `top`, if there is one.
    ///
    /// # Errors
    /// An upper-level entry the Host will not follow kills.
    #[inline(always)]
    pub fn find_table(
        self,
        memory: &mut impl GuestMemory,
        top: GuestPhys,
        at: GuestLinear,
    ) -> GuestResult<Option<GuestTable>> {
        let Some(place) = self.upper_entry_at(memory, top, at)? else {
            return Ok(None);
        };
        let entry = self.read(memory, place, at)?;
        if !entry.is_present() {
            return Ok(None);
        }
        let table = entry.table(at, memory.limit())?;
        mark(memory, place, entry, A)?;
        Ok(Some(GuestTable { at: table, rights: entry.0 & (P | W | U) }))
    }

    /// The page table for `at` below `top`, if it is one the Host would follow and that has been
    /// used (A). Marks nothing.
    #[inline]
    pub fn table_in_use(
        self,
        memory: &impl GuestMemory,
        top: GuestPhys,
        at: GuestLinear,
    ) -> Option<GuestTable> {
        let place = self.upper_entry_at(memory, top, at).ok()??;
        let entry = self.read(memory, place, at).ok().filter(|entry| entry.0 & (P | A) == P | A)?;
        let table = entry.table(at, memory.limit()).ok()?;
        Some(GuestTable { at: table, rights: entry.0 & (P | W | U) })
    }

    /// Translates `at` for an access of kind `code`, as the CPU would on the Guest's own tables.
    /// Devices show their registers from the end of memory up to `device_limit`.
    ///
    /// # Errors
    /// An entry the Host will not follow kills.
    #[inline(always)]
    pub fn walk(
        self,
        memory: &mut impl GuestMemory,
        top: GuestPhys,
        at: GuestLinear,
        code: PageFaultCode,
        device_limit: u32,
    ) -> GuestResult<Walk> {
        let Some(table) = self.find_table(memory, top, at)? else {
            return Ok(Walk::Fault { present: false });
        };
        let place = self.entry_at(table.at, at);
        let entry = self.read(memory, place, at)?;
        if !entry.is_present() {
            return Ok(Walk::Fault { present: false });
        }
        // The code's W and U are the very bits an entry needs, and ring 1 respects W (CR0.WP).
        const { assert!(PageFaultCode::WRITE == W && PageFaultCode::USER == U) }
        let needed = code.0 & (W | U);
        if entry.0 & table.rights & needed != needed {
            return Ok(Walk::Fault { present: true });
        }
        let is_memory = entry.is_sound_page(memory.limit());
        if !is_memory && !entry.is_device(memory.limit(), device_limit) {
            return Err(PageTableError::Entry { at, entry: entry.0 }.into());
        }
        let entry = mark(memory, place, entry, if code.is_write() { A | D } else { A })?;
        if !is_memory {
            return Ok(Walk::Device(GuestPhys(entry.address().0 | at.page_offset())));
        }
        Ok(Walk::Page { entry, table })
    }
}

/// Judges the high dword of a PAE entry for `at`.
///
/// # Errors
/// [`PageTableError::Entry`] if a present entry leads beyond 4 GiB.
#[inline]
pub fn check_high(entry: GuestEntry, high: u32, at: GuestLinear) -> GuestResult {
    if entry.is_present() && high & Format::Pae.unsound_high() != 0 {
        return Err(PageTableError::Entry { at, entry: entry.0 }.into());
    }
    Ok(())
}

/// Sets bits in a Guest's entry, with a store only if one was missing.
#[inline]
fn mark(
    memory: &mut impl GuestMemory,
    place: GuestPhys,
    entry: GuestEntry,
    bits: u32,
) -> GuestResult<GuestEntry> {
    let marked = GuestEntry(entry.0 | bits);
    if marked != entry {
        memory.write_u32(place, marked.0)?;
    }
    Ok(marked)
}

#[cfg(test)]
#[path = "walk_tests.rs"]
mod tests;
