//! Page-table entries and where they stand: two levels, 4 KiB pages.
//!
//! ```text
//! linear address   31 directory 22 | 21 table 12 | 11 offset 0
//! entry            31 frame 12 | avl:3 G PS D A PCD PWT US RW P
//! ```
//!
//! A Guest never uses large pages: the Host mirrors none.
//!
//! Invariants: `an_address_is_split_into_ten_ten_twelve`,
//! `an_entry_keeps_frame_and_flags_apart`.
//!
//! Source: Intel SDM Vol. 3, 4.3 "32-Bit Paging".
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
    fn an_entry_keeps_frame_and_flags_apart() {
        let entry = Entry::new(GuestPhys(0x12_3456), Entry::P | Entry::D);
        assert_eq!(entry, Entry(0x12_3041));
        assert_eq!((entry.frame(), entry.flags()), (GuestPhys(0x12_3000), 0x41));
        assert!(entry.has(Entry::P | Entry::D) && !entry.has(Entry::P | Entry::RW));
    }
}
