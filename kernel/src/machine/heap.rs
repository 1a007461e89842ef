//! The Host's heap: bookkeeping of Guests, devices and tasks.
//!
//! It begins small and grows by whole frames from the pool, as long as there
//! are any: when a Guest is made, which is refused if they do not suffice for
//! all that may ever be kept on its behalf, and, should that sum be wrong one
//! day, whenever something is asked for that has no room.
//!
//! ```text
//!   piece 0              piece 1         piece 2 ...
//!   | given | hole | .. |  | given | .. |    a piece that ends where new frames begin is extended
//! ```
//!
//! Nothing a Guest does may make it grow without bound. Running out of it is
//! the Host's bug and a panic; what is promised to each Guest is added up
//! before it is made ([`reserve`]), so that there is no way there.
//!
//! Invariants:
//! - What was reserved is there, in one piece (`as_many_guests_as_the_loader_can_bring_all_run`, in
//!   the boot tests).
//!
//! Next on the tour: [`super::ram`].

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{NonNull, null_mut};

use abi::PAGE_SIZE;
use kernel::platform::boot_info::BootError;
use linked_list_allocator::Heap;
use spin::Mutex;

use super::memory::{Memory, keep_zeroed};

/// Bytes the heap begins with.
const FIRST_LEN: usize = 128 << 10;
/// Bytes it grows by at least, if there are as many in one piece.
const GROWTH: usize = 128 << 10;
/// Pieces there may be; most growth extends the last one.
const PIECES_MAX: usize = 64;
/// Bytes of each piece that the allocator may need for itself.
const OVERHEAD: usize = 64;

/// The heap behind a lock; the Host does not interrupt itself, so it is never waited for.
struct LockedHeap(Mutex<Pieces>);

/// Disjoint stretches of memory, in order of their making.
struct Pieces {
    pieces: [Heap; PIECES_MAX],
    count: usize,
    /// Bytes given out, ...
    used: usize,
    /// ... and the most there ever were.
    peak: usize,
    /// All that is to be kept has been added up.
    is_settled: bool,
    /// How often it has grown since.
    unforeseen: u32,
}

/// What the heap has come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Figures {
    /// Bytes of it.
    pub len: usize,
    /// Those in use.
    pub used: usize,
    /// The most that ever were in use.
    pub peak: usize,
    /// How often it has grown since all was added up ([`settle`]).
    pub unforeseen: u32,
}

#[cfg_attr(not(test), global_allocator)]
static HEAP: LockedHeap = LockedHeap(Mutex::new(Pieces::EMPTY));

impl Pieces {
    const EMPTY: Self = Self {
        pieces: [const { Heap::empty() }; PIECES_MAX],
        count: 0,
        used: 0,
        peak: 0,
        is_settled: false,
        unforeseen: 0,
    };

    /// A block of that layout in a piece that has room for it.
    fn find(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        self.pieces[..self.count].iter_mut().find_map(|piece| piece.allocate_first_fit(layout).ok())
    }

    /// A block of that layout, for which the heap grows if it must.
    fn give(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        let block = self.find(layout).or_else(|| {
            self.grow(layout.size() + layout.align())?;
            self.unforeseen += u32::from(self.is_settled);
            self.find(layout)
        })?;
        self.used += layout.size();
        self.peak = self.peak.max(self.used);
        Some(block)
    }

    /// # Safety
    /// `block` came from `give` with this layout.
    unsafe fn take_back(&mut self, block: NonNull<u8>, layout: Layout) {
        let at = block.as_ptr();
        let owner =
            self.pieces[..self.count].iter_mut().find(|piece| (piece.bottom()..piece.top()).contains(&at));
        if let Some(owner) = owner {
            // SAFETY: By contract; it lies in this piece, so this piece gave it.
            unsafe { owner.deallocate(block, layout) }
            self.used -= layout.size();
        }
    }

    /// Adds frames for `len` bytes in one piece, or for [`GROWTH`] if that is more and there are.
    fn grow(&mut self, len: usize) -> Option<()> {
        let pages = |len: usize| (len + OVERHEAD).div_ceil(PAGE_SIZE as usize) as u32;
        let wanted = [len.max(GROWTH), len].map(pages);
        let (at, pages) = wanted.into_iter().find_map(|pages| Some((keep_zeroed(pages)?, pages)))?;
        let (start, len) = (at.0 as *mut u8, (pages * PAGE_SIZE) as usize);
        let before = self.pieces[..self.count].iter_mut().find(|piece| piece.top() == start);
        match before {
            // SAFETY: The frames are the Host's for good and begin where the piece ends.
            Some(piece) => unsafe { piece.extend(len) },
            None => {
                let piece = self.pieces.get_mut(self.count)?;
                // SAFETY: The frames are the Host's for good, and this piece had none.
                unsafe { piece.init(start, len) };
                self.count += 1;
            }
        }
        Some(())
    }
}

// SAFETY: 1. `Heap` hands out disjoint blocks of the size and alignment asked for, and the pieces are
// disjoint; 2. the lock makes it one call at a time; 3. nothing in here unwinds. Not inlined, or each
// value that owns memory would bring all of it along to where it is dropped.
unsafe impl GlobalAlloc for LockedHeap {
    #[inline(never)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.0.lock().give(layout).map_or(null_mut(), NonNull::as_ptr)
    }

    #[inline(never)]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if let Some(block) = NonNull::new(block) {
            // SAFETY: By the trait's contract the block came from `alloc` with this layout.
            unsafe { self.0.lock().take_back(block, layout) }
        }
    }
}

/// Takes the heap's first pages; `_memory` is there, so the pool is.
///
/// # Errors
/// [`BootError::NoRoom`] if there is no stretch of memory that long.
pub fn start(_memory: &mut Memory) -> Result<(), BootError> {
    HEAP.0.lock().grow(FIRST_LEN).ok_or(BootError::NoRoom("the heap"))
}

/// Makes sure that `len` bytes can be had in one piece; false if there are not as many.
pub fn reserve(len: usize) -> bool {
    let Ok(layout) = Layout::from_size_align(len, align_of::<u64>()) else { return false };
    let mut pieces = HEAP.0.lock();
    let (used, peak) = (pieces.used, pieces.peak);
    let Some(block) = pieces.give(layout) else { return false };
    // SAFETY: It was given just now, with this layout.
    unsafe { pieces.take_back(block, layout) };
    (pieces.used, pieces.peak) = (used, peak);
    true
}

/// All that is to be kept has been added up; from now on growth is counted.
pub fn settle() {
    HEAP.0.lock().is_settled = true;
}

/// How large the heap is, and how much of it was used at most.
pub fn figures() -> Figures {
    let pieces = HEAP.0.lock();
    let len = pieces.pieces[..pieces.count].iter().map(Heap::size).sum();
    Figures { len, used: pieces.used, peak: pieces.peak, unforeseen: pieces.unforeseen }
}
