//! A heap: the drivers make boxes and vectors.
//!
//! One run of frames, taken at the first allocation, so that a Guest whose
//! drivers need none pays for none.
//!
//! Next on the tour: [`crate::pci`].

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{NonNull, null_mut};

use abi::PAGE_SIZE;
use kit::frames::{direct, take_run};
use kit::local::Local;
use linked_list_allocator::Heap;

/// Pages of it.
const PAGES: u32 = 256;

struct LocalHeap(Local<Heap>);

// A test of this crate runs on an operating system, with threads, and has the heap of that.
#[cfg_attr(not(test), global_allocator)]
static HEAP: LocalHeap = LocalHeap(Local::new(Heap::empty()));

// SAFETY: 1. `Heap` hands out disjoint blocks of the size and alignment asked for; 2. `Local` makes
// it one call at a time; 3. nothing in here unwinds.
unsafe impl GlobalAlloc for LocalHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.0.with(|heap| {
            if heap.size() == 0 {
                let start = direct(take_run(PAGES));
                // SAFETY: 1. the run is mapped and ours for good; 2. the size says that this is the
                // first time.
                unsafe { heap.init(start.0 as *mut u8, (PAGES * PAGE_SIZE) as usize) };
            }
            heap.allocate_first_fit(layout).map_or(null_mut(), NonNull::as_ptr)
        })
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if let Some(block) = NonNull::new(block) {
            // SAFETY: by the trait's contract the block came from `alloc` with this layout.
            self.0.with(|heap| unsafe { heap.deallocate(block, layout) });
        }
    }
}
