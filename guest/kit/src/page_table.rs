//! Page-table entries and where they stand: two levels or three, 4 KiB pages.
//!
//! ```text
//! two levels   31 directory 22 | 21 table 12 | 11 offset 0
//! PAE          31 30 | 29 directory 21 | 20 table 12 | 11 offset 0
//! entry        31 frame 12 | avl:3 G PS D A PCD PWT US RW P
//! ```
//!
//! With PAE an entry is eight bytes, of which the high four are zero below
//! 4 GiB; a *directory* is one of four then, found by a pointer of the top
//! level. A Guest never uses large pages: the Host mirrors none.
//!
//! Invariants: `an_address_is_split_into_ten_ten_twelve`,
//! `with_pae_an_address_is_split_into_two_nine_nine_twelve`,
//! `an_entry_keeps_frame_and_flags_apart`.
//!
//! Source: Intel SDM Vol. 3, 4.3 "32-Bit Paging" and 4.4 "PAE Paging".
//!
//! Next on the tour: [`crate::virtqueue`].

use abi::{GuestLinear, GuestPhys, PAGE_SIZE};

/// Entries of a directory or of a table.
pub const ENTRIES: u32 = 1024;

/// Bytes that one directory entry covers.
pub const DIRECTORY_SPAN: u32 = ENTRIES * PAGE_SIZE;

/// An entry of a page directory or a page table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Entry(pub u32);

impl Entry {
    /// Nothing there.
    pub const ABSENT: Self = Self(0);

    /// Present.
    pub const P: u32 = 1 << 0;
    /// Writable.
    pub const RW: u32 = 1 << 1;
    /// Open to ring 3.
    pub const US: u32 = 1 << 2;
    /// Accessed.
    pub const A: u32 = 1 << 5;
    /// Dirty.
    pub const D: u32 = 1 << 6;
    /// Large page, in a directory.
    pub const PS: u32 = 1 << 7;

    /// What the kernel maps its own memory with.
    pub const KERNEL: u32 = Self::P | Self::RW | Self::A | Self::D;
    /// What a directory entry carries: the tables below decide.
    pub const DIRECTORY: u32 = Self::P | Self::RW | Self::US | Self::A;

    /// An entry that points at `frame`.
    pub const fn new(frame: GuestPhys, flags: u32) -> Self {
        Self(frame.page_base().0 | flags)
    }

    /// The frame it points at.
    pub const fn frame(self) -> GuestPhys {
        GuestPhys(self.0).page_base()
    }

    /// Its flags.
    pub const fn flags(self) -> u32 {
        self.0 % PAGE_SIZE
    }

    /// Whether all of `flags` are set.
    pub const fn has(self, flags: u32) -> bool {
        self.0 & flags == flags
    }
}

/// How page tables are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// A directory of 1,024 entries, tables of 1,024.
    TwoLevel,
    /// Four pointers, directories and tables of 512 wider entries.
    Pae,
}

impl Format {
    /// Bytes of an entry.
    pub const fn entry_len(self) -> u32 {
        match self {
            Self::TwoLevel => 4,
            Self::Pae => 8,
        }
    }

    /// Entries of a directory or of a table.
    pub const fn entries(self) -> u32 {
        PAGE_SIZE / self.entry_len()
    }

    /// Bytes that one directory entry covers.
    pub const fn span(self) -> u32 {
        self.entries() * PAGE_SIZE
    }

    /// Which entry of its directory translates `at`.
    pub const fn directory_index(self, at: GuestLinear) -> u32 {
        at.0 / self.span() % self.entries()
    }

    /// Which entry of its table translates `at`.
    pub const fn table_index(self, at: GuestLinear) -> u32 {
        at.page_number() % self.entries()
    }
}

/// Which of PAE's four pointers translates `at`.
pub const fn pointer_index(at: GuestLinear) -> u32 {
    at.0 >> 30
}

/// Which entry of the directory translates `at`.
pub const fn directory_index(at: GuestLinear) -> u32 {
    at.0 / DIRECTORY_SPAN
}

/// Which entry of its table translates `at`.
pub const fn table_index(at: GuestLinear) -> u32 {
    at.page_number() % ENTRIES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_split_into_ten_ten_twelve() {
        let at = GuestLinear(0xC0C0_3ABC);
        assert_eq!((directory_index(at), table_index(at), at.page_offset()), (0x303, 3, 0xABC));
        assert_eq!(directory_index(GuestLinear(u32::MAX)), 1023);
        assert_eq!(table_index(GuestLinear(u32::MAX)), 1023);
    }

    #[test]
    fn with_pae_an_address_is_split_into_two_nine_nine_twelve() {
        let at = GuestLinear(0xC0E0_3ABC);
        assert_eq!((pointer_index(at), Format::Pae.directory_index(at)), (3, 7));
        assert_eq!(Format::Pae.table_index(at), 3);
        assert_eq!(Format::Pae.directory_index(GuestLinear(u32::MAX)), 511);
        assert_eq!(Format::Pae.span(), 0x20_0000);
    }

    #[test]
    fn without_it_the_two_ways_of_asking_agree() {
        for at in [0, 0xC0C0_3ABC, u32::MAX].map(GuestLinear) {
            assert_eq!(Format::TwoLevel.directory_index(at), directory_index(at));
            assert_eq!(Format::TwoLevel.table_index(at), table_index(at));
        }
        assert_eq!(Format::TwoLevel.span(), DIRECTORY_SPAN);
    }

    #[test]
    fn an_entry_keeps_frame_and_flags_apart() {
        let entry = Entry::new(GuestPhys(0x12_3456), Entry::P | Entry::D);
        assert_eq!(entry, Entry(0x12_3041));
        assert_eq!((entry.frame(), entry.flags()), (GuestPhys(0x12_3000), 0x41));
        assert!(entry.has(Entry::P | Entry::D) && !entry.has(Entry::P | Entry::RW));
    }
}
