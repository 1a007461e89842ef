//! The Host's address space, and the table every Guest's ends with.
//!
//! Virtual is physical: RAM is mapped where it is, by 4 MiB pages, up to the
//! Switcher. The first 4 MiB, where the image lies, are mapped page by page,
//! so that each part has the rights it needs and no more.
//!
//! ```text
//! 0x00000000  page 0           absent: a null pointer faults
//! 0x00001000  low memory       writable; 0xA0000 to 1 MiB uncached
//! 0x00100000  text, constants  read-only
//!             data, stacks     writable, with an absent page below each stack
//! 0x00400000  RAM              writable, 4 MiB pages
//! 0xFFC00000  the Switcher     text read-only, this CPU's three pages writable
//! ```
//!
//! The last directory slot of a Guest's shadow leads to the *Guest view*: the
//! Switcher's text, and of the CPU's pages what their types allow. Nothing
//! else of the Host is ever mapped while a Guest runs.
//!
//! Invariants: with CR0.WP set, text cannot be written even here
//! (`selftest=text`); page 0 and the guards fault (`selftest=null`,
//! `selftest=stack`).
//!
//! Source: Intel SDM Vol. 3, "32-Bit Paging".
//!
//! Next on the tour: [`super::percpu`].

use core::mem::offset_of;

use abi::lguest_data::SWITCHER_BASE;
use abi::{HostPhys, PAGE_SIZE};
use kernel::platform::boot_info::{BootError, Region};
use switcher::{GuestAccess, PrivatePage, StackPage, StatePage, SwitcherPage, SwitcherPages};
use x86::bits32::paging::{
    LARGE_PAGE_SIZE, PAGE_SIZE_ENTRIES, PAddr, PD, PDEntry, PDFlags, PT, PTEntry, PTFlags,
};

use super::memory::{Image, Memory};
use super::stack::{BOOT_STACK, DOUBLE_FAULT_STACK};

const SWITCHER_SLOT: usize = SWITCHER_BASE as usize / LARGE_PAGE_SIZE;
const SHORT_OF_TABLES: BootError = BootError::NoRoom("the Host's page tables");

unsafe extern "C" {
    static switcher_text_start: u8;
    static switcher_text_len: u8;
}

/// The Host's own page directory.
pub struct HostSpace {
    root: &'static mut PD,
    /// What the last slot leads to.
    switcher: &'static mut PT,
}

impl HostSpace {
    /// Maps the machine's RAM, and the Switcher's text at its place.
    ///
    /// # Errors
    /// [`BootError::NoRoom`] if there are no frames for the tables.
    pub fn new(memory: &mut Memory, ram: &[Region]) -> Result<Self, BootError> {
        // SAFETY: Zeroes are entries, not present ones.
        let root = unsafe { memory.own_zeroed::<PDEntry>(PAGE_SIZE_ENTRIES) };
        let root: &mut PD = root.and_then(|root| root.try_into().ok()).ok_or(SHORT_OF_TABLES)?;
        let (low, switcher) = (table(memory)?, table(memory)?);
        map_low(low);
        map_switcher_text(switcher);
        for region in ram {
            map_ram(root, region);
        }
        root[0] = to_table(low);
        root[SWITCHER_SLOT] = to_table(switcher);
        Ok(Self { root, switcher })
    }

    /// What CR3 gets.
    pub fn root(&self) -> HostPhys {
        HostPhys(self.root.as_ptr() as u32)
    }

    /// Maps a CPU's Switcher pages, which lie at `pages`, to their place in the Host: writable.
    pub fn map_switcher_pages(&mut self, cpu: u32, pages: HostPhys) {
        let place = switcher::pages_address(cpu);
        for offset in (0..size_of::<SwitcherPages>() as u32).step_by(PAGE_SIZE as usize) {
            self.switcher[slot(place + offset)] = page(pages.0 + offset, PTFlags::P | PTFlags::RW);
        }
    }
}

/// The page table for the last slot of every shadow on CPU `cpu`, whose pages lie at `pages`.
///
/// # Errors
/// [`BootError::NoRoom`] if there is no frame for it.
pub fn guest_view(memory: &mut Memory, cpu: u32, pages: HostPhys) -> Result<HostPhys, BootError> {
    let view = table(memory)?;
    map_switcher_text(view);
    let parts = [
        (offset_of!(SwitcherPages, stack), StackPage::GUEST),
        (offset_of!(SwitcherPages, state), StatePage::GUEST),
        (offset_of!(SwitcherPages, private), PrivatePage::GUEST),
    ];
    for (offset, access) in parts {
        let at = slot(switcher::pages_address(cpu) + offset as u32);
        view[at] = match access {
            GuestAccess::ReadWrite => page(pages.0 + offset as u32, PTFlags::P | PTFlags::RW),
            GuestAccess::ReadOnly => page(pages.0 + offset as u32, PTFlags::P),
            GuestAccess::Absent => PTEntry(0),
        };
    }
    Ok(HostPhys(view.as_ptr() as u32))
}

/// An empty page table.
fn table(memory: &mut Memory) -> Result<&'static mut PT, BootError> {
    // SAFETY: Zeroes are entries, not present ones.
    let table = unsafe { memory.own_zeroed::<PTEntry>(PAGE_SIZE_ENTRIES) };
    table.and_then(|table| table.try_into().ok()).ok_or(SHORT_OF_TABLES)
}

/// The first 4 MiB, page by page.
fn map_low(low: &mut PT) {
    const VIDEO_AND_FIRMWARE: core::ops::Range<u32> = 0xA_0000..0x10_0000;
    let image = Image::linked();
    let absent = [0, BOOT_STACK.guard().0, DOUBLE_FAULT_STACK.guard().0];
    for (entry, at) in low.iter_mut().zip((0..).step_by(PAGE_SIZE as usize)) {
        let rights = if (image.start..image.data).contains(&at) {
            PTFlags::P
        } else if VIDEO_AND_FIRMWARE.contains(&at) {
            PTFlags::P | PTFlags::RW | PTFlags::PCD
        } else {
            PTFlags::P | PTFlags::RW
        };
        *entry = if absent.contains(&at) { PTEntry(0) } else { page(at, rights) };
    }
}

/// The 4 MiB pages a piece of RAM touches, as far as the Switcher.
fn map_ram(root: &mut PD, region: &Region) {
    let large = LARGE_PAGE_SIZE as u64;
    let end = region.start.saturating_add(region.len).div_ceil(large).min(SWITCHER_SLOT as u64);
    for slot in region.start / large..end {
        let at = (slot * large) as u32;
        root[slot as usize] = PDEntry::new(PAddr(at), PDFlags::P | PDFlags::RW | PDFlags::PS);
    }
}

/// The Switcher's text, where it was linked to be, from where it was loaded.
fn map_switcher_text(table: &mut PT) {
    let (loaded, len) = (&raw const switcher_text_start as u32, &raw const switcher_text_len as u32);
    assert!(len <= switcher::TEXT_MAX, "the Switcher's text is {len} bytes");
    for offset in (0..len).step_by(PAGE_SIZE as usize) {
        table[slot(switcher::TEXT + offset)] = page(loaded + offset, PTFlags::P);
    }
}

fn page(at: u32, rights: PTFlags) -> PTEntry {
    PTEntry::new(PAddr(at), rights | PTFlags::A | PTFlags::D)
}

fn to_table(table: &PT) -> PDEntry {
    PDEntry::new(PAddr(table.as_ptr() as u32), PDFlags::P | PDFlags::RW)
}

/// The slot of an address in its page table.
const fn slot(at: u32) -> usize {
    (at / PAGE_SIZE) as usize % PAGE_SIZE_ENTRIES
}
