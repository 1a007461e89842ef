//! The Host's heap: bookkeeping of Guests, devices and tasks.
//!
//! A fixed number of pages from the frame pool, taken once. Nothing a Guest
//! does may make it grow without bound; running out of it is the Host's bug
//! and a panic.
//!
//! Next on the tour: [`super::ram`].

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{NonNull, null_mut};

use kernel::host::boot_info::BootError;
use linked_list_allocator::Heap;
use spin::Mutex;

use super::memory::Memory;

/// Bytes of the heap.
pub const HEAP_LEN: usize = 1 << 20;

/// The heap behind a lock; the Host does not interrupt itself, so it is never waited for.
struct LockedHeap(Mutex<Heap>);

#[cfg_attr(not(test), global_allocator)]
static HEAP: LockedHeap = LockedHeap(Mutex::new(Heap::empty()));

// SAFETY: 1. `Heap` hands out disjoint blocks of the size and alignment asked for; 2. the lock
// makes it one call at a time; 3. nothing in here unwinds.
unsafe impl GlobalAlloc for LockedHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.0.lock().allocate_first_fit(layout).map_or(null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if let Some(block) = NonNull::new(block) {
            // SAFETY: By the trait's contract the block came from `alloc` with this layout.
            unsafe { self.0.lock().deallocate(block, layout) }
        }
    }
}

/// Takes the heap's pages.
///
/// # Errors
/// [`BootError::NoRoom`] if there is no stretch of memory that long.
pub fn start(memory: &mut Memory) -> Result<(), BootError> {
    let room = memory.own_bytes(HEAP_LEN).ok_or(BootError::NoRoom("the heap"))?;
    // SAFETY: The room is ours for good, and this is called once: `start` in `machine` is.
    unsafe { HEAP.0.lock().init(room.as_mut_ptr(), room.len()) };
    Ok(())
}
