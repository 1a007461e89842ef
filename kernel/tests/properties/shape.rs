//! The small world of a random Guest, in either format of page tables.
//!
//! Chance alone rarely hits a mapped page, so everything happens around a few
//! places: a few top levels, six page tables, nine slots of the linear space,
//! six indices. Any page may be used as anything all the same, but for the
//! pointers of PAE, which have no room for the A and D of another use.
//!
//! ```text
//!  page         0 .. 4        4 .. 7   7 .. 10   10 .. 13   13 .. 16   16 ..
//!  two-level    directories   tables   tables    others     others     more directories
//!  PAE          pointers      middles  tables    tables     others
//! ```
//!
//! A page of pointers holds many top levels, 32 bytes each.
//!
//! Next on the tour: [`crate::op`].

use core::ops::Range;

use abi::lguest_data::SWITCHER_BASE;
use abi::{GuestLinear, GuestMemory, PAGE_SIZE};
use kernel::shadow::VIRTUAL_8086_END;
use kernel::shadow::entry::{A, D, P, PS, U, W};
use kernel::shadow::walk::Format;

use crate::ram::Ram;

/// Whole pages of a Guest's memory, without more directories.
pub const PAGES: u32 = 16;
/// Pages that hold top levels from the beginning.
pub const TOP_PAGES: u32 = 4;
/// Pages that begin as middle directories, in PAE.
const MIDDLES: Range<u32> = 4..7;
/// Top levels of a Guest that has more than its shadows keep.
pub const MANY_TOPS: u32 = 72;

/// Slots in use, of 4 MiB or 2 MiB: around the kernel's usual place, and both ends.
const SLOTS: [[u32; 9]; 2] =
    [[0, 1, 2, 3, 0x2FF, 0x300, 0x301, 0x302, 0x3FE], [0, 1, 2, 3, 0x5FF, 0x600, 0x601, 0x602, 0x7FD]];
/// Indices in use: in one cache line, in its neighbour, and at both ends.
const INDICES: [[u32; 6]; 2] = [[0, 1, 15, 16, 0x3FE, 0x3FF], [0, 1, 15, 16, 0x1FE, 0x1FF]];

/// Neighbours of those that nobody touches and no shadow may have: beyond memory, large, not
/// accessed, not present; in PAE also beyond 4 GiB.
const BAITS: [(u32, u32, u32); 4] = [
    (3, PS | P | W | U | A | D, 0),
    (14, P | W | U | D, 0),
    (17, W | U | A | D, 0),
    (4, P | W | U | A | D, 1),
];

/// A format, and how many top levels there are.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// How the Guest writes its tables.
    pub format: Format,
    /// How many top levels it has.
    pub tops: u32,
    /// Its CPU's `iret` enters virtual-8086 mode, so what that could run from is closed to ring 3.
    pub closes_low: bool,
}

impl Shape {
    /// The usual one.
    pub const TWO_LEVEL: Self = Self { format: Format::TwoLevel, tops: TOP_PAGES, closes_low: false };
    /// Wide entries and as many top levels.
    pub const PAE: Self = Self { format: Format::Pae, tops: TOP_PAGES, closes_low: false };

    /// Whether ring 3 may not go to `at`, whatever the Guest's tables say.
    pub fn is_closed(self, at: GuestLinear) -> bool {
        self.closes_low && at.0 < VIRTUAL_8086_END
    }

    const fn by_format<T: Copy>(self, [two_level, pae]: [T; 2]) -> T {
        match self.format {
            Format::TwoLevel => two_level,
            Format::Pae => pae,
        }
    }

    /// Whole pages of memory.
    pub const fn pages(self) -> u32 {
        self.by_format([PAGES + self.tops - TOP_PAGES, PAGES])
    }

    /// Above memory is one page of devices, which ends here.
    pub const fn device_limit(self) -> u32 {
        (self.pages() + 1) * PAGE_SIZE
    }

    /// Where top level `number` lies.
    pub const fn top(self, number: u32) -> u32 {
        let (page, more) = (number % TOP_PAGES * PAGE_SIZE, number / TOP_PAGES * 32);
        match self.format {
            Format::TwoLevel if number < TOP_PAGES => page,
            Format::TwoLevel => (PAGES + number - TOP_PAGES) * PAGE_SIZE,
            Format::Pae => page + more,
        }
    }

    /// Where each top level lies.
    pub fn tops(self) -> impl Iterator<Item = u32> {
        (0..self.tops).map(move |number| self.top(number))
    }

    /// Entries of a top level.
    const fn top_entries(self) -> u32 {
        self.by_format([1024, 4])
    }

    /// The bits of a linear address below the index into the top level.
    pub const fn top_shift(self) -> u32 {
        self.by_format([22, 30])
    }

    /// The same for the level above page tables.
    pub const fn slot_shift(self) -> u32 {
        self.by_format([22, 21])
    }

    /// The slots below the Switcher.
    pub const fn slots(self) -> Range<u32> {
        0..SWITCHER_BASE >> self.slot_shift()
    }

    /// The slots in use.
    pub const fn usual_slots(self) -> [u32; 9] {
        self.by_format(SLOTS)
    }

    /// The indices into a page table that are in use.
    pub const fn usual_indices(self) -> [u32; 6] {
        self.by_format(INDICES)
    }

    /// Pages that begin as page tables.
    pub const fn tables(self) -> Range<u32> {
        match self.format {
            Format::TwoLevel => 4..10,
            Format::Pae => 7..13,
        }
    }

    /// Pages that may be a table of any level below the top.
    pub const fn table_pages(self) -> Range<u32> {
        self.by_format([0, TOP_PAGES])..PAGES
    }

    /// Pages that begin as the level above page tables.
    pub const fn uppers(self) -> Range<u32> {
        match self.format {
            Format::TwoLevel => 0..TOP_PAGES,
            Format::Pae => MIDDLES,
        }
    }

    /// If an entry of a top level lies at `at`: the top level, and the entry's index in it.
    pub fn top_entry(self, at: u32) -> Option<(u32, u32)> {
        let len = self.top_entries() * self.format.entry_len();
        let top = self.tops().find(|top| (*top..top + len).contains(&at))?;
        Some((top, (at - top) / self.format.entry_len()))
    }

    /// The first entry of each top level that is the kernel's, if only in part: from here on they
    /// are the same in all.
    pub const fn kernel_entry(self, kernel_address: u32) -> u32 {
        kernel_address >> self.top_shift()
    }

    /// Fills memory so that each slot in use has a table and each index in it a page. What is not
    /// the kernel's differs between neighbours among the top levels.
    pub fn populate(self, ram: &mut Ram, kernel_address: u32) {
        for (number, top) in (0..).zip(self.tops()) {
            match self.format {
                Format::TwoLevel => self.populate_upper(ram, top, number, kernel_address),
                Format::Pae => (0..4).for_each(|quarter| {
                    let is_kernels = quarter >= self.kernel_entry(kernel_address);
                    let middle = if is_kernels { MIDDLES.end - 1 } else { MIDDLES.start + number % 2 };
                    ram.set_word(top + quarter * 8, (middle * PAGE_SIZE) | P);
                }),
            }
        }
        if self.format == Format::Pae {
            for (number, middle) in (0..).zip(MIDDLES) {
                self.populate_upper(ram, middle * PAGE_SIZE, number, kernel_address);
            }
        }
        self.tables().for_each(|table| self.populate_table(ram, table));
    }

    /// Below the kernel an upper table has a page table of its own, above it they share two.
    fn populate_upper(self, ram: &mut Ram, upper: u32, number: u32, kernel_address: u32) {
        for slot in self.usual_slots() {
            let is_users = slot < kernel_address >> self.slot_shift();
            let table = if is_users { number % TOP_PAGES } else { TOP_PAGES + slot % 2 };
            let entry = ((self.tables().start + table) * PAGE_SIZE) | P | W | U;
            ram.set_word(upper + self.index_in_upper(slot) * self.format.entry_len(), entry);
        }
    }

    /// The index of a slot's entry in its directory.
    pub const fn index_in_upper(self, slot: u32) -> u32 {
        self.by_format([slot, slot & 0x1FF])
    }

    fn populate_table(self, ram: &mut Ram, table: u32) {
        let mut put = |index: u32, entry: u32, high: u32| {
            let at = table * PAGE_SIZE + index * self.format.entry_len();
            ram.set_word(at, entry);
            if self.format == Format::Pae {
                ram.set_word(at + 4, high);
            }
        };
        for (index, page) in self.usual_indices().into_iter().zip((table..PAGES).cycle()) {
            put(index, (page * PAGE_SIZE) | P | W | U, 0);
        }
        put(2, (self.pages() * PAGE_SIZE) | P | W | U | A | D, 0);
        let baits = if self.format == Format::Pae { &BAITS[..] } else { &BAITS[..3] };
        baits.iter().for_each(|&(index, entry, high)| put(index, entry, high));
    }
}

/// Stores an entry: one dword, or two in PAE.
pub fn store(ram: &mut impl GuestMemory, format: Format, at: u32, entry: u32, high: u32) {
    let bytes = (u64::from(high) << 32 | u64::from(entry)).to_le_bytes();
    let len = format.entry_len() as usize;
    ram.write_from(abi::GuestPhys(at), &bytes[..len]).unwrap();
}
