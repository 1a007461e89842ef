//! The frames this Guest owns, handed out one page at a time.
//!
//! Everything between the end of the image and the end of RAM is free at the
//! start. A frame that comes back is linked into a list through its own first
//! dword, so the allocator needs no memory of its own.
//!
//! ```text
//!   0 zero page | 4 KiB command line | 1 MiB image | frames … | RAM ends | device page
//! ```
//!
//! Invariants: a [`Frame`] is owned by one, and its bytes are reached through
//! it alone (it is not `Copy`, and offsets are checked).
//!
//! Next on the tour: [`crate::paging`].

use core::mem::ManuallyDrop;

use abi::{GuestLinear, GuestPhys, PAGE_SIZE};

use crate::PAGE_OFFSET;
use crate::local::Local;

unsafe extern "C" {
    safe static image_start: u8;
    safe static image_end: u8;
}

/// Whether `at` lies in the image, where Rust's own variables are.
pub fn is_in_image(at: GuestLinear) -> bool {
    (&raw const image_start as u32..&raw const image_end as u32).contains(&at.0)
}

/// Where the image lies in physical memory.
pub fn image() -> core::ops::Range<u32> {
    phys_of(&raw const image_start).0..phys_of(&raw const image_end).0
}

/// Where `at` appears in the kernel half.
pub const fn direct(at: GuestPhys) -> GuestLinear {
    GuestLinear(at.0 + PAGE_OFFSET)
}

/// The physical address of something in the image.
pub fn phys_of<T: ?Sized>(thing: *const T) -> GuestPhys {
    GuestPhys(thing.cast::<u8>() as u32 - PAGE_OFFSET)
}

/// Reads a dword of physical memory.
///
/// # Safety
/// 1. `at` is mapped and aligned; 2. it is not part of a Rust variable somebody may be changing.
pub(crate) unsafe fn read_phys(at: GuestPhys) -> u32 {
    // SAFETY: (1) and (2) are this function's own contract.
    unsafe { (direct(at).0 as *const u32).read_volatile() }
}

/// Writes a dword of physical memory.
///
/// # Safety
/// 1. `at` is mapped and aligned; 2. it is not part of a Rust variable.
pub(crate) unsafe fn write_phys(at: GuestPhys, value: u32) {
    // SAFETY: (1) and (2) are this function's own contract.
    unsafe { (direct(at).0 as *mut u32).write_volatile(value) }
}

/// One page of RAM and the right to use it.
#[derive(Debug)]
#[must_use = "a dropped Frame goes back at once"]
pub struct Frame(GuestPhys);

struct Pool {
    next: u32,
    end: u32,
    free: Option<GuestPhys>,
    free_count: u32,
}

static POOL: Local<Pool> = Local::new(Pool { next: 0, end: 0, free: None, free_count: 0 });

/// Makes the frames from the end of the image to `end` available.
pub(crate) fn init(end: GuestPhys) {
    let next = phys_of(&raw const image_end).0.next_multiple_of(PAGE_SIZE);
    POOL.with(|pool| (pool.next, pool.end) = (next, end.page_base().0));
}

/// How many frames are free.
pub fn free_count() -> u32 {
    POOL.with(|pool| pool.free_count + pool.end.saturating_sub(pool.next) / PAGE_SIZE)
}

/// Takes `pages` zeroed frames in a row and gives them away; only what was never used before is
/// certain to lie so.
///
/// # Panics
/// If there are not so many: a Guest this small has no way to go on without.
pub fn take_run(pages: u32) -> GuestPhys {
    let at = POOL.with(|pool| pool.take_fresh(pages)).expect("the Guest's memory lasts for what it does");
    for page in (0..pages).map(|page| Frame(GuestPhys(at.0 + page * PAGE_SIZE))) {
        page.fill(0);
        page.into_phys();
    }
    at
}

/// Takes frames back that [`take_run`] gave away.
///
/// # Safety
/// They came from there, and nobody uses them any more.
pub unsafe fn give_back_run(at: GuestPhys, pages: u32) {
    (0..pages).for_each(|page| drop(Frame(GuestPhys(at.0 + page * PAGE_SIZE))));
}

impl Frame {
    /// Takes a zeroed frame.
    ///
    /// # Panics
    /// If there is none: a Guest this small has no way to go on without.
    pub fn alloc() -> Self {
        let at = POOL.with(Pool::take).expect("the Guest's memory lasts for what it does");
        let frame = Self(at);
        frame.fill(0);
        frame
    }

    /// A frame that was given away by [`Frame::into_phys`].
    ///
    /// # Safety
    /// `at` came from there, and this is the only time it comes back.
    pub(crate) unsafe fn from_phys(at: GuestPhys) -> Self {
        Self(at)
    }

    /// Gives the frame away, to a page table for instance.
    pub(crate) fn into_phys(self) -> GuestPhys {
        ManuallyDrop::new(self).0
    }

    /// Where it is.
    pub fn phys(&self) -> GuestPhys {
        self.0
    }

    /// The dword at byte `offset`.
    pub fn read(&self, offset: u32) -> u32 {
        // SAFETY: the frame is ours, mapped by the direct map, and `word` checks the offset.
        unsafe { read_phys(self.word(offset)) }
    }

    /// Sets the dword at byte `offset`.
    pub fn write(&self, offset: u32, value: u32) {
        // SAFETY: the frame is ours, mapped by the direct map, and `word` checks the offset.
        unsafe { write_phys(self.word(offset), value) }
    }

    /// Sets every dword.
    pub fn fill(&self, value: u32) {
        (0..PAGE_SIZE).step_by(4).for_each(|offset| self.write(offset, value));
    }

    /// The byte at `offset`.
    pub fn byte(&self, offset: u32) -> u8 {
        assert!(offset < PAGE_SIZE);
        // SAFETY: the frame is ours and mapped by the direct map; the offset was checked.
        unsafe { ((direct(self.0).0 + offset) as *const u8).read_volatile() }
    }

    /// Copies `bytes` to the frame's start.
    pub fn copy_from(&self, bytes: &[u8]) {
        assert!(bytes.len() <= PAGE_SIZE as usize);
        for (offset, byte) in (0u32..).zip(bytes) {
            // SAFETY: the frame is ours and mapped by the direct map; the length was checked.
            unsafe { ((direct(self.0).0 + offset) as *mut u8).write_volatile(*byte) }
        }
    }

    /// Copies what is at byte `offset` on.
    pub fn read_into(&self, offset: u32, into: &mut [u8]) {
        let from = self.bytes(offset, into.len()) as *const u8;
        // SAFETY: the frame is ours, mapped by the direct map, no Rust variable, and `bytes` checks
        // the range.
        unsafe { from.copy_to_nonoverlapping(into.as_mut_ptr(), into.len()) }
    }

    /// Copies `from` to byte `offset` on.
    pub fn write_from(&self, offset: u32, from: &[u8]) {
        let to = self.bytes(offset, from.len()) as *mut u8;
        // SAFETY: as for reading.
        unsafe { to.copy_from_nonoverlapping(from.as_ptr(), from.len()) }
    }

    fn bytes(&self, offset: u32, len: usize) -> u32 {
        assert!(len <= PAGE_SIZE as usize && offset as usize + len <= PAGE_SIZE as usize);
        direct(self.0).0 + offset
    }

    fn word(&self, offset: u32) -> GuestPhys {
        assert!(offset <= PAGE_SIZE - 4 && offset.is_multiple_of(4));
        GuestPhys(self.0.0 + offset)
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        POOL.with(|pool| pool.put(self));
    }
}

impl Pool {
    fn take(&mut self) -> Option<GuestPhys> {
        if let Some(at) = self.free {
            // SAFETY: a frame of the list is nobody's; `put` left the next one's address in it.
            let next = unsafe { read_phys(at) };
            self.free = (next != 0).then_some(GuestPhys(next));
            self.free_count -= 1;
            return Some(at);
        }
        self.take_fresh(1)
    }

    /// So many frames in a row that nobody has had yet.
    fn take_fresh(&mut self, pages: u32) -> Option<GuestPhys> {
        let at = GuestPhys(self.next);
        let end = pages.checked_mul(PAGE_SIZE).and_then(|len| self.next.checked_add(len));
        self.next = end.filter(|end| *end <= self.end)?;
        Some(at)
    }

    fn put(&mut self, frame: &Frame) {
        frame.write(0, self.free.map_or(0, |at| at.0));
        self.free = Some(frame.0);
        self.free_count += 1;
    }
}
