//! The Host's own stacks, each with a guard page below it.
//!
//! ```text
//! high   end     first push goes below here
//!        room
//!        guard   not mapped: running out of stack is a fault, not a corrupted neighbour
//! low
//! ```
//!
//! An overflow faults, the CPU cannot push that fault's frame either, and the
//! double fault arrives through a task gate with the second stack.
//!
//! Invariants: guard and room are whole pages (asserted below); the guard is
//! unmapped by [`super::paging`] (`selftest=stack` falls into it).
//!
//! Next on the tour: [`super::paging`].

use core::cell::UnsafeCell;
use core::ops::Range;

use abi::{HostPhys, PAGE_SIZE};

const GUARD: usize = PAGE_SIZE as usize;
/// Bytes of the boot stack that can be used; it stays the first CPU's stack for good. The Switcher's
/// pages and the loader's lists are moved through it, without optimisation several times.
const ROOM: usize = if cfg!(debug_assertions) { 256 * 1024 } else { 128 * 1024 };
const DOUBLE_FAULT_ROOM: usize = 16 * 1024;

/// Bytes of the boot stack, guard included.
pub const STACK_LEN: usize = GUARD + ROOM;

/// A stack of `LEN` bytes, the lowest page of which is its guard.
#[repr(C, align(4096))]
pub struct GuardedStack<const LEN: usize>(UnsafeCell<[u8; LEN]>);

// SAFETY: Nothing reads or writes it by reference; the CPU that runs on it is its one user.
unsafe impl<const LEN: usize> Sync for GuardedStack<LEN> {}

/// What the first CPU runs on from its first instruction.
pub static BOOT_STACK: GuardedStack<STACK_LEN> = GuardedStack::new();

/// What its double faults are told on.
pub static DOUBLE_FAULT_STACK: GuardedStack<{ GUARD + DOUBLE_FAULT_ROOM }> = GuardedStack::new();

impl<const LEN: usize> GuardedStack<LEN> {
    const fn new() -> Self {
        const { assert!(LEN.is_multiple_of(GUARD) && LEN > GUARD) };
        Self(UnsafeCell::new([0; LEN]))
    }

    /// The page that must not be mapped.
    pub fn guard(&self) -> HostPhys {
        HostPhys(self.0.get() as u32)
    }

    /// Where ESP starts.
    pub fn end(&self) -> u32 {
        self.guard().0 + LEN as u32
    }

    /// Whether nothing was ever written to the guard: the only trace of an overflow there is while
    /// the guard is still mapped.
    pub fn guard_is_untouched(&self) -> bool {
        let guard = self.guard().0 as *const u32;
        // SAFETY: It is the lowest page of this static, and nothing writes there on purpose.
        (0..GUARD / 4).all(|word| unsafe { guard.add(word).read_volatile() } == 0)
    }

    /// Whether a fault that touched `at` touched the guard.
    pub fn has_overflowed_at(&self, at: u32) -> bool {
        at & !(PAGE_SIZE - 1) == self.guard().0
    }

    /// The words from `esp` to the end, by address divided by 4, if `esp` lies in this stack; a
    /// stack that overflowed into its guard gives all its words.
    pub fn words_from(&self, esp: u32) -> Option<Range<u32>> {
        let guard = self.guard().0;
        let first = guard + GUARD as u32;
        (guard..self.end()).contains(&esp).then(|| esp.max(first).div_ceil(4)..self.end() / 4)
    }
}
