//! Page tables: the Guest's own, which the Host mirrors.
//!
//! The tables are ordinary memory, written like any other. What the CPU really
//! walks are the Host's shadows of them, so each change is announced after it
//! is made. All address spaces share the tables of the kernel half.
//!
//! ```text
//!   0x00000000  user half, each address space its own
//!   0xC0000000  physical 0 … as much RAM as fits below    (direct map)
//!   0xF8000000  the window: 4 MiB to map things in        (shared too)
//!   0xF8400000  the device pages, wherever RAM ends
//!   0xFFC00000  the Switcher's
//! ```
//!
//! Invariants:
//! - The direct map and the image are never remapped ([`Root::write`] asserts it),
//!   so Rust's variables stay where they are.
//! - An entry is written before it is announced ([`Root::set`]).
//!
//! Source: lguest ABI, "What each call must do".
//!
//! Next on the tour: [`crate::segments`].

use core::cell::UnsafeCell;

use abi::device_page::DEVICE_PAGES;
use abi::{GuestLinear, GuestPhys, PAGE_SIZE};

use crate::PAGE_OFFSET;
use crate::frames::{Frame, direct, is_in_image, phys_of, read_phys, write_phys};
use crate::hypercall::Call;
use crate::lazy;
use crate::local::Local;
use crate::page_table::{DIRECTORY_SPAN, ENTRIES, Entry, directory_index, table_index};

/// Where a Guest may map what it likes in the kernel half; all address spaces see it.
pub const WINDOW: GuestLinear = GuestLinear(0xF800_0000);

/// Where the device pages are mapped.
pub const DEVICES: GuestLinear = GuestLinear(0xF840_0000);

/// Most physical memory the direct map reaches; a Guest uses no more.
pub(crate) const DIRECT_MAX: u32 = WINDOW.0 - PAGE_OFFSET;

/// A table that is part of the image, for the first steps.
#[repr(C, align(4096))]
pub(crate) struct InitialTable(UnsafeCell<[u32; ENTRIES as usize]>);

// SAFETY: only the entry code, before there are interrupts, and `Root` write it, one CPU both.
unsafe impl Sync for InitialTable {}

impl InitialTable {
    const fn new() -> Self {
        Self(UnsafeCell::new([0; ENTRIES as usize]))
    }
}

/// The directory the entry code switches to, and the kernel stays with.
pub(crate) static INITIAL_DIRECTORY: InitialTable = InitialTable::new();
/// Maps the first 4 MiB.
pub(crate) static INITIAL_TABLE: InitialTable = InitialTable::new();

static CURRENT: Local<Option<Root>> = Local::new(None);

/// A page directory, by its physical address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Root(GuestPhys);

impl Root {
    /// The directory the kernel started with.
    pub fn kernel() -> Self {
        Self(phys_of(&raw const INITIAL_DIRECTORY))
    }

    /// The directory in use.
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

    /// Changes the directory entry for `at`, and tells the Host.
    ///
    /// # Panics
    /// If it is one of the direct map's.
    pub fn set_directory(self, at: GuestLinear, entry: Entry) {
        assert!(is_free(at), "the direct map stays as it is");
        self.put_directory(directory_index(at), entry);
    }

    /// The directory entry for `at`.
    pub fn directory(self, at: GuestLinear) -> Entry {
        // SAFETY: an entry of a directory of ours, in the direct map.
        Entry(unsafe { read_phys(self.directory_slot(directory_index(at))) })
    }

    fn put_directory(self, index: u32, entry: Entry) {
        // SAFETY: an entry of a directory of ours, in the direct map; callers keep the kernel mapped.
        unsafe { write_phys(self.directory_slot(index), entry.0) }
        lazy::issue(Call::set_pgd(self.0, index));
    }

    fn directory_slot(self, index: u32) -> GuestPhys {
        GuestPhys(self.0.0 + 4 * index)
    }

    fn slot(self, at: GuestLinear) -> Option<GuestPhys> {
        let table = Some(self.directory(at)).filter(|entry| entry.has(Entry::P))?;
        Some(GuestPhys(table.frame().0 + 4 * table_index(at)))
    }

    fn add_table(self, at: GuestLinear) -> GuestPhys {
        let table = Frame::alloc().into_phys();
        self.put_directory(directory_index(at), Entry::new(table, Entry::DIRECTORY));
        GuestPhys(table.0 + 4 * table_index(at))
    }
}

/// Whether `at` may be mapped as a Guest likes.
fn is_free(at: GuestLinear) -> bool {
    at.0 < PAGE_OFFSET || at >= WINDOW
}

/// An address space of its own, with the kernel half of all.
#[derive(Debug)]
pub struct Space {
    directory: Frame,
}

impl Space {
    /// An address space with nothing in its user half.
    pub fn new() -> Self {
        let space = Self { directory: Frame::alloc() };
        for index in directory_index(GuestLinear(PAGE_OFFSET))..ENTRIES {
            let at = GuestLinear(index * DIRECTORY_SPAN);
            space.directory.write(4 * index, Root::kernel().directory(at).0);
        }
        space
    }

    /// What to map in, and to switch to.
    pub fn root(&self) -> Root {
        Root(self.directory.phys())
    }
}

impl Default for Space {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Space {
    /// Gives back the tables of the user half. Each entry is taken out and announced first: the
    /// directory's page may serve as another directory soon, and the Host remembers directories.
    fn drop(&mut self) {
        assert!(Root::current() != self.root(), "dropped the address space in use");
        for index in 0..directory_index(GuestLinear(PAGE_OFFSET)) {
            let entry = Entry(self.directory.read(4 * index));
            if entry.has(Entry::P) {
                self.root().put_directory(index, Entry::ABSENT);
                // SAFETY: `add_table` gave this frame to the entry, and the entry is gone.
                drop(unsafe { Frame::from_phys(entry.frame()) });
            }
        }
    }
}

/// Completes the kernel half: RAM, the window, the device pages; then drops the identity mapping
/// of the first steps.
pub(crate) fn init(memory_size: u32) {
    let ram_end = memory_size.min(DIRECT_MAX);
    let devices_end = memory_size + DEVICE_PAGES * PAGE_SIZE;
    lazy::batch(|| {
        for start in (DIRECTORY_SPAN..ram_end).step_by(DIRECTORY_SPAN as usize) {
            add_kernel_table(direct(GuestPhys(start)), start..ram_end);
        }
        add_kernel_table(WINDOW, 0..0);
        add_kernel_table(DEVICES, memory_size..devices_end);
        Root::kernel().put_directory(0, Entry::ABSENT);
    });
}

/// Adds the table for `at` to the kernel half, with `frames` in its first entries.
fn add_kernel_table(at: GuestLinear, frames: core::ops::Range<u32>) {
    let table = Frame::alloc();
    let pages = frames.step_by(PAGE_SIZE as usize).take(ENTRIES as usize);
    for (slot, page) in (0u32..).step_by(4).zip(pages) {
        table.write(slot, Entry::new(GuestPhys(page), Entry::KERNEL).0);
    }
    let entry = Entry::new(table.into_phys(), Entry::DIRECTORY);
    Root::kernel().put_directory(directory_index(at), entry);
}
