//! The kernel stack, which must be mapped and writable whenever a Guest runs.
//!
//! A trap from ring 3 by a direct gate pushes its frame there with no Host in
//! between. So a change near the stack's pages is a reason to look again.
//!
//! Source: lguest ABI, "SET_STACK".
//!
//! Next on the tour: [`super::fault`].

use abi::{GuestLinear, PAGE_SIZE};

use super::pool::HALF;

/// The pages a trap from ring 3 pushes its frame on.
#[derive(Clone, Copy, Default)]
pub(super) struct KernelStack {
    /// The highest byte.
    pub(super) last: u32,
    /// Bytes of all pages; 0 until the Guest has told.
    pub(super) len: u32,
    /// The one or two halves of a table that the pages are in: where they begin, ...
    pub(super) near: u32,
    /// ... and their bytes.
    pub(super) near_len: u32,
}

impl KernelStack {
    /// `pages` pages below `end`.
    pub(super) fn new(end: u32, pages: u32) -> Self {
        let (last, len) = (end.wrapping_sub(1), pages * PAGE_SIZE);
        let near = last.wrapping_sub(len.saturating_sub(PAGE_SIZE)) & !(HALF - 1);
        let near_len = if len == 0 { 0 } else { (last | (HALF - 1)).wrapping_sub(near).wrapping_add(1) };
        Self { last, len, near, near_len }
    }

    /// Whether a part of it is in the same half of a table as `at`.
    #[inline]
    pub(super) fn is_near(&self, at: GuestLinear) -> bool {
        at.0.wrapping_sub(self.near) < self.near_len
    }
}
