//! The cursor of the ring of queued hypercalls.
//!
//! Guest and Host each walk the same 64 slots with a cursor of their own, and
//! a status byte per slot says whose turn it is. The cursors never meet in
//! memory, so neither side can confuse the other's.
//!
//! Invariants: `the_cursor_comes_round_after_sixty_four`,
//! `a_slot_the_host_has_not_emptied_is_not_used`.
//!
//! Source: lguest ABI, "Async ring".
//!
//! Next on the tour: [`crate::lazy`].

use core::sync::atomic::{AtomicUsize, Ordering};

use abi::lguest_data::{RING_ENTRIES, RING_FREE};

/// The slot the Guest fills next.
#[derive(Debug)]
pub struct Cursor(AtomicUsize);

impl Cursor {
    /// At the first slot.
    #[expect(clippy::new_without_default, reason = "there is one, in a static")]
    pub const fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// Which slot is next, and moves on; `None` if its `status` says the Host still has it. Not to
    /// be interrupted.
    #[inline]
    pub fn claim(&self, status: impl Fn(usize) -> u8) -> Option<usize> {
        let slot = self.0.load(Ordering::Relaxed) % RING_ENTRIES;
        (status(slot) == RING_FREE).then(|| {
            self.0.store(slot + 1, Ordering::Relaxed);
            slot
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abi::lguest_data::RING_READY;

    #[test]
    fn the_cursor_comes_round_after_sixty_four() {
        let cursor = Cursor::new();
        let slots: Vec<_> = (0..65).map_while(|_| cursor.claim(|_| RING_FREE)).collect();
        assert_eq!(slots[..3], [0, 1, 2]);
        assert_eq!(slots[63..], [63, 0]);
    }

    #[test]
    fn a_slot_the_host_has_not_emptied_is_not_used() {
        let cursor = Cursor::new();
        assert_eq!(cursor.claim(|_| RING_READY), None);
        assert_eq!(cursor.claim(|_| RING_FREE), Some(0), "and the cursor waited");
    }
}
