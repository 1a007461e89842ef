//! Page tables: the Guest's own, which the Host mirrors.
//!
//! The tables are ordinary memory, written like any other. What the CPU really
//! walks are the Host's shadows of them, so each change is announced after it
//! is made. All address spaces share the tables of the kernel half. How they
//! are written, in two levels or three, is a matter of the [`Dialect`].
//!
//! ```text
//!   0x00000000  user half, each address space its own
//!   0xC0000000  physical 0 … as much RAM as fits below    (direct map)
//!   0xF8000000  the window: 4 MiB to map things in        (shared too)
//!   0xF8400000  the device pages, wherever RAM ends
//!   0xF8500000  registers of devices on PCI: a page each, then a place for each page
//!   0xFFC00000  the Switcher's
//! ```
//!
//! Invariants:
//! - The direct map and the image are never remapped ([`Root::write`] asserts it),
//!   so Rust's variables stay where they are.
//! - An entry is written before it is announced ([`Root::set`]).
//!
//! Source: lguest ABI, "What each call must do" and "PAE".
//!
//! Next on the tour: [`first`].

pub mod first;
pub mod space;

use core::cell::UnsafeCell;

use abi::device_page::DEVICE_PAGES;
use abi::{GuestLinear, GuestPhys, PAGE_SIZE};

use crate::PAGE_OFFSET;
use crate::dialect::Dialect;
use crate::frames::{Frame, is_in_image, phys_of, read_phys, write_phys};
use crate::hypercall::Call;
use crate::local::Local;
use crate::page_table::{ENTRIES, Entry, Format, pointer_index};
use crate::{lazy, shared};

pub(crate) use first::{first_not_free, init};
pub use space::Space;

/// Where a Guest may map what it likes in the kernel half; all address spaces see it.
pub const WINDOW: GuestLinear = GuestLinear(0xF800_0000);

/// Where the device pages are mapped.
pub const DEVICES: GuestLinear = GuestLinear(0xF840_0000);

/// Where registers of devices on PCI are mapped, behind the device pages.
pub const REGISTERS: GuestLinear = GuestLinear(DEVICES.0 + DEVICE_PAGES * PAGE_SIZE);

/// Most physical memory the direct map reaches; a Guest uses no more.
pub(crate) const DIRECT_MAX: u32 = WINDOW.0 - PAGE_OFFSET;

/// Tables that are part of the image, for the first steps.
#[repr(C, align(4096))]
pub(crate) struct InitialTables<const PAGES: usize>(UnsafeCell<[[u32; ENTRIES as usize]; PAGES]>);

// SAFETY: only the entry code, before there are interrupts, and `Root` write them, one CPU both.
unsafe impl<const PAGES: usize> Sync for InitialTables<PAGES> {}

impl<const PAGES: usize> InitialTables<PAGES> {
    const fn new() -> Self {
        Self(UnsafeCell::new([[0; ENTRIES as usize]; PAGES]))
    }
}

/// The top level the entry code switches to, and the kernel stays with.
pub(crate) static INITIAL_DIRECTORY: InitialTables<1> = InitialTables::new();
/// The directory below that, with PAE.
pub(crate) static INITIAL_MIDDLE: InitialTables<1> = InitialTables::new();
/// Map the first 4 MiB; without PAE, the first of the two does.
pub(crate) static INITIAL_TABLES: InitialTables<2> = InitialTables::new();

static CURRENT: Local<Option<Root>> = Local::new(None);

/// How this Guest writes its tables.
pub fn format() -> Format {
    if Dialect::current().has_pae() { Format::Pae } else { Format::TwoLevel }
}

/// The top level of an address space, by its physical address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Root(GuestPhys);

impl Root {
    /// The one the kernel made first.
    pub fn kernel() -> Self {
        Self(phys_of(&raw const INITIAL_DIRECTORY))
    }

    /// The one the Host made, for Guests up to 3.0 to start on. It has the kernel half, but for
    /// the window and the device pages.
    pub fn boot() -> Option<Self> {
        shared::pgdir().map(Self)
    }

    /// The one in use.
    pub fn current() -> Self {
        CURRENT.get().unwrap_or(Self::kernel())
    }

    /// Its physical address.
    pub fn phys(self) -> GuestPhys {
        self.0
    }

    /// Switches to this address space.
    pub fn switch_to(self) {
        CURRENT.set(Some(self));
        lazy::issue(self.switch());
    }

    /// The bare call to switch, for who comes back before anybody asks [`Root::current`].
    pub fn switch(self) -> Call {
        Call::new_pgtable(self.0)
    }

    /// The entry that translates `at`, if there is a table for it.
    pub fn entry(self, at: GuestLinear) -> Option<Entry> {
        let slot = self.slot(at)?;
        // SAFETY: a slot of a table of ours, in the direct map.
        Some(Entry(unsafe { read_phys(slot) }))
    }

    /// Maps `at` to `frame` with `flags` ([`Entry`]'s), and tells the Host.
    pub fn map(self, at: GuestLinear, frame: &Frame, flags: u32) {
        self.set(at, Entry::new(frame.phys(), flags));
    }

    /// Maps `at` to a zeroed frame of its own, which stays there for good, and tells the Host.
    pub fn map_fresh(self, at: GuestLinear, flags: u32) {
        self.set(at, Entry::new(Frame::alloc().into_phys(), flags));
    }

    /// Maps nothing at `at`, and tells the Host.
    pub fn unmap(self, at: GuestLinear) {
        self.set(at, Entry::ABSENT);
    }

    /// Changes the entry for `at`, and tells the Host.
    pub fn set(self, at: GuestLinear, entry: Entry) {
        self.write(at, entry);
        self.announce(at);
    }

    /// Tells the Host what the entry for `at` is now.
    pub fn announce(self, at: GuestLinear) {
        let entry = self.entry(at).unwrap_or(Entry::ABSENT);
        lazy::issue(Call::set_pte(self.0, at, entry));
    }

    /// Changes the entry for `at` and keeps it to itself.
    ///
    /// # Panics
    /// If `at` lies in the direct map, or `entry` points into the image.
    pub fn write(self, at: GuestLinear, entry: Entry) {
        assert!(is_free(at), "the direct map stays as it is");
        let target = GuestLinear(entry.frame().0.wrapping_add(PAGE_OFFSET));
        assert!(!entry.has(Entry::P) || !is_in_image(target), "the image is mapped once");
        let slot = self.slot(at).unwrap_or_else(|| self.add_table(at));
        // SAFETY: a slot of a table of ours, in the direct map.
        unsafe { write_phys(slot, entry.0) }
    }

    /// Changes the high dword of the entry for `at`, which PAE has, and keeps it to itself.
    pub fn write_high(self, at: GuestLinear, high: u32) {
        assert!(format() == Format::Pae, "no other entry has a high dword");
        let slot = self.slot(at).expect("a high dword comes with a low one");
        // SAFETY: the high half of a slot of a table of ours, in the direct map.
        unsafe { write_phys(GuestPhys(slot.0 + 4), high) }
    }

    /// Changes the directory entry for `at`, and tells the Host.
    ///
    /// # Panics
    /// If it is one of the direct map's.
    pub fn set_directory(self, at: GuestLinear, entry: Entry) {
        assert!(is_free(at), "the direct map stays as it is");
        self.put_directory(at, entry);
    }

    /// The directory entry for `at`.
    pub fn directory(self, at: GuestLinear) -> Entry {
        let slot = self.directory_page(at).map(|directory| directory_slot(directory, at));
        // SAFETY: an entry of a directory of ours, in the direct map.
        slot.map_or(Entry::ABSENT, |slot| Entry(unsafe { read_phys(slot) }))
    }

    /// Changes PAE's pointer for `at`, and tells the Host.
    ///
    /// # Panics
    /// If it is that of the kernel half.
    pub fn set_pointer(self, at: GuestLinear, entry: Entry) {
        assert!(at.0 < PAGE_OFFSET, "the direct map stays as it is");
        self.put_pointer(at, entry);
    }

    /// PAE's pointer to the directory for `at`.
    pub fn pointer(self, at: GuestLinear) -> Entry {
        // SAFETY: one of the four pointers of a top level of ours, in the direct map.
        Entry(unsafe { read_phys(self.pointer_slot(at)) })
    }

    /// The directory for `at`: the top level itself, or one that a pointer leads to.
    fn directory_page(self, at: GuestLinear) -> Option<GuestPhys> {
        match format() {
            Format::TwoLevel => Some(self.0),
            Format::Pae => Some(self.pointer(at)).filter(|entry| entry.has(Entry::P)).map(Entry::frame),
        }
    }

    fn put_directory(self, at: GuestLinear, entry: Entry) {
        let directory = self.directory_page(at).unwrap_or_else(|| self.add_directory(at));
        // SAFETY: an entry of a directory of ours, in the direct map; callers keep the kernel mapped.
        unsafe { write_phys(directory_slot(directory, at), entry.0) }
        let index = format().directory_index(at);
        lazy::issue(match format() {
            Format::TwoLevel => Call::set_pgd(self.0, index),
            Format::Pae => Call::set_pmd(directory, index),
        });
    }

    fn put_pointer(self, at: GuestLinear, entry: Entry) {
        // SAFETY: one of the four pointers of a top level of ours, in the direct map; callers keep
        // the kernel mapped.
        unsafe { write_phys(self.pointer_slot(at), entry.0) }
        lazy::issue(Call::set_pgd(self.0, pointer_index(at)));
    }

    fn pointer_slot(self, at: GuestLinear) -> GuestPhys {
        GuestPhys(self.0.0 + Format::Pae.entry_len() * pointer_index(at))
    }

    fn slot(self, at: GuestLinear) -> Option<GuestPhys> {
        let table = Some(self.directory(at)).filter(|entry| entry.has(Entry::P))?;
        Some(table_slot(table.frame(), at))
    }

    fn add_table(self, at: GuestLinear) -> GuestPhys {
        let table = Frame::alloc().into_phys();
        self.put_directory(at, Entry::new(table, Entry::DIRECTORY));
        table_slot(table, at)
    }

    fn add_directory(self, at: GuestLinear) -> GuestPhys {
        let directory = Frame::alloc().into_phys();
        self.put_pointer(at, Entry::new(directory, Entry::P));
        directory
    }
}

fn directory_slot(directory: GuestPhys, at: GuestLinear) -> GuestPhys {
    GuestPhys(directory.0 + format().entry_len() * format().directory_index(at))
}

fn table_slot(table: GuestPhys, at: GuestLinear) -> GuestPhys {
    GuestPhys(table.0 + format().entry_len() * format().table_index(at))
}

/// Whether `at` may be mapped as a Guest likes.
fn is_free(at: GuestLinear) -> bool {
    at.0 < PAGE_OFFSET || at >= WINDOW
}
