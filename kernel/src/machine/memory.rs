//! The machine's memory, handed out.
//!
//! The arithmetic is [`kernel::platform::frames`]; here a run of frames becomes
//! something to read and write: a Guest's RAM, a Guest's shadow tables, or
//! pages of the Host's own, which are never given back.
//!
//! ```text
//! 0      1M       image       4M                                    0xFFC00000
//! | kept | image | heap, own | Guest RAM (4 MiB-aligned) | modules … | left alone
//! ```
//!
//! The pool is where the heap finds it too, which grows out of it ([`super::heap`]); a [`Memory`] is
//! the right to lend from it.
//!
//! Invariants:
//! - Only RAM the Host's own page tables reach is in the pool
//!   ([`FramePool`] is made with that limit).
//! - What a run is turned into owns it, so no frame has two uses.
//!
//! Next on the tour: [`super::heap`].

use abi::lguest_data::SWITCHER_BASE;
use abi::{HostPhys, PAGE_SIZE};
use kernel::cpu::GuestId;
use kernel::guest::Guest;
use kernel::platform::boot_info::{BootError, BootInfo, MIN_RAM_KIB, Region};
use kernel::platform::frames::FramePool;
use kernel::shadow::pool::{Pool, Table};
use spin::Mutex;

use super::ram::GuestRam;

/// Below 1 MiB lie firmware, text memory and what loaders use; it is not worth sorting out.
const LOWEST: HostPhys = HostPhys(1 << 20);
/// Where the Host's page tables end.
const LIMIT: HostPhys = HostPhys(SWITCHER_BASE);
/// Pages of a 4 MiB page.
const LARGE: u32 = 1024;

unsafe extern "C" {
    static image_start: u8;
    static rodata_start: u8;
    static data_start: u8;
    static image_end: u8;
}

/// Where the Host's own image lies; `rodata` and `data` are the ends of what comes before.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "the fields are the linker script's symbols of these names")]
pub struct Image {
    pub start: u32,
    pub rodata: u32,
    pub data: u32,
    pub end: u32,
}

impl Image {
    /// As the linker script placed it.
    pub fn linked() -> Self {
        let [start, rodata, data, end] =
            [&raw const image_start, &raw const rodata_start, &raw const data_start, &raw const image_end]
                .map(|symbol| symbol as u32);
        Self { start, rodata, data, end }
    }
}

/// Every frame of the machine that can be lent. Whoever holds the lock allocates nothing.
static POOL: Mutex<FramePool> = Mutex::new(FramePool::empty());

/// The right to lend the machine's frames.
#[derive(Debug)]
pub struct Memory {
    image_len: u32,
    beyond: u64,
}

impl Memory {
    /// The machine's RAM without what the loader and the Host's image occupy.
    ///
    /// # Errors
    /// [`BootError::Memory`] if it is less than the Host needs; [`BootError::TooMany`] if it is in
    /// too many pieces.
    pub fn new(info: &mut BootInfo) -> Result<Self, BootError> {
        let image = Image::linked();
        let image_len = image.end - image.start;
        info.keep(HostPhys(image.start), image_len as usize)?;
        let ram: u64 = info.ram.iter().map(|region| region.len).sum();
        if ram >> 10 < MIN_RAM_KIB.into() {
            return Err(BootError::Memory((ram >> 10) as u32));
        }
        *POOL.lock() = FramePool::new(&info.ram, &info.in_use, LOWEST, LIMIT)?;
        let beyond = info.ram.iter().map(|region| part_beyond(region, LIMIT)).sum();
        Ok(Self { image_len, beyond })
    }

    /// Frames there are for Guests, lent ones included.
    pub fn total(&self) -> u32 {
        POOL.lock().total()
    }

    /// Frames not lent.
    pub fn free(&self) -> u32 {
        POOL.lock().free()
    }

    /// Bytes the Host keeps for itself: image, stacks, heap and tables, but no Guest's.
    pub fn host_bytes(&self) -> u32 {
        self.image_len + POOL.lock().kept() * PAGE_SIZE
    }

    /// Bytes of RAM the Host cannot map and leaves alone.
    pub fn beyond(&self) -> u64 {
        self.beyond
    }

    /// Room for a Guest with `bytes` of memory (rounded up to pages) and `tables` shadow tables: one
    /// contiguous run, 4 MiB-aligned, the memory first with whatever was in it before.
    ///
    /// ```text
    /// | memory: RAM, device pages | shadow tables |
    /// ```
    pub fn lodge(&mut self, id: GuestId, bytes: u32, tables: u32) -> Option<Guest<GuestRam>> {
        let ram_pages = bytes.div_ceil(PAGE_SIZE);
        let run = POOL.lock().take(ram_pages.checked_add(tables)?, LARGE)?;
        // The run exists, so its length in bytes fits.
        let (base, limit) = (run.start(), ram_pages * PAGE_SIZE);
        let tables_at = HostPhys(base.0 + limit);
        // SAFETY: 1. The run is RAM, mapped, and has no other use until `evict`; 2. pages of zeroes
        // are empty tables; 3. the reference is dropped with the Guest, which `evict` consumes.
        let tables = unsafe {
            core::ptr::write_bytes(tables_at.0 as *mut Table, 0, tables as usize);
            core::slice::from_raw_parts(tables_at.0 as *const Table, tables as usize)
        };
        // SAFETY: The first `limit` bytes are nobody else's.
        let memory = unsafe { GuestRam::new(run, limit) };
        Some(Guest::new(id, memory, base, Pool::new(tables, tables_at)))
    }

    /// Whether there is room for such a Guest.
    pub fn has_room(&self, bytes: u32, tables: u32) -> bool {
        bytes.div_ceil(PAGE_SIZE).checked_add(tables).is_some_and(|pages| POOL.lock().has_room(pages, LARGE))
    }

    /// Takes a Guest's room back, memory and shadow tables together.
    pub fn evict(&mut self, guest: Guest<GuestRam>) {
        let Guest { memory, shadow, .. } = guest;
        drop(shadow);
        POOL.lock().give_back(memory.into_run());
    }

    /// Frames in the largest piece that could be lent now.
    pub fn largest(&self) -> u32 {
        POOL.lock().largest()
    }

    /// Room for `count` of `T`, all zero, on pages of their own, for good.
    ///
    /// # Safety
    /// All zeroes is a value of `T`.
    pub unsafe fn own_zeroed<T>(&mut self, count: usize) -> Option<&'static mut [T]> {
        const { assert!(align_of::<T>() <= PAGE_SIZE as usize) };
        let pages = (size_of::<T>() * count).div_ceil(PAGE_SIZE as usize) as u32;
        let at = keep_zeroed(pages)?;
        // SAFETY: 1. The pages are ours alone and never given back; 2. zero is a value, by
        // contract; 3. pages are aligned well enough.
        Some(unsafe { core::slice::from_raw_parts_mut(at.0 as *mut T, count) })
    }

    /// Room for `len` bytes, all zero, for good.
    pub fn own_bytes(&mut self, len: usize) -> Option<&'static mut [u8]> {
        if len == 0 {
            return Some(&mut []);
        }
        // SAFETY: Zeroes are bytes.
        unsafe { self.own_zeroed(len) }
    }

    /// Runs `user` with the first of `pages` pages of zeroes in one piece, which are taken back
    /// afterwards.
    pub fn with_zeroed<R>(&mut self, pages: u32, user: impl FnOnce(HostPhys) -> R) -> Option<R> {
        let run = POOL.lock().take(pages, 1)?;
        // SAFETY: The run is RAM and nobody else's.
        unsafe { core::ptr::write_bytes(run.start().0 as *mut u8, 0, run.len() as usize) };
        let result = user(run.start());
        POOL.lock().give_back(run);
        Some(result)
    }
}

/// Pages of zeroes that are never given back.
pub fn keep_zeroed(pages: u32) -> Option<HostPhys> {
    let at = POOL.lock().keep(pages)?;
    // SAFETY: The pages are RAM and nobody else's.
    unsafe { core::ptr::write_bytes(at.0 as *mut u8, 0, (pages * PAGE_SIZE) as usize) };
    Some(at)
}

/// How many bytes of `region` lie at `limit` or further up.
fn part_beyond(region: &Region, limit: HostPhys) -> u64 {
    let end = region.start.saturating_add(region.len);
    end.saturating_sub(region.start.max(limit.0.into()))
}
