//! A variable of a kernel with one CPU.
//!
//! A Guest has one CPU, so the only one who could interfere with an access is
//! an interrupt handler: interrupts wait while the closure runs. What is left,
//! a closure that comes back for the same variable, is caught.
//!
//! Invariants: no two `&mut` to the same value ever exist: interrupts are off,
//! and `busy` panics on the way in otherwise.
//!
//! Next on the tour: [`crate::hypercall`].

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::interrupt_flag;

/// A value reached one closure at a time.
pub struct Local<T> {
    busy: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: one CPU, and `with` lets nobody else in while it holds the value.
unsafe impl<T: Send> Sync for Local<T> {}

impl<T> Local<T> {
    /// Puts `value` in.
    pub const fn new(value: T) -> Self {
        Self { busy: AtomicBool::new(false), value: UnsafeCell::new(value) }
    }

    /// Runs `body` on the value, without interrupts.
    ///
    /// # Panics
    /// If `body`, or a fault in it, asks for the same value again.
    #[track_caller]
    pub fn with<R>(&self, body: impl FnOnce(&mut T) -> R) -> R {
        interrupt_flag::without(|| {
            assert!(!self.busy.load(Ordering::Relaxed), "a Local was entered twice");
            self.busy.store(true, Ordering::Relaxed);
            // SAFETY: `busy` was clear, so no other closure has the value, and is set now.
            let result = body(unsafe { &mut *self.value.get() });
            self.busy.store(false, Ordering::Relaxed);
            result
        })
    }
}

impl<T: Copy> Local<T> {
    /// A copy of the value.
    #[track_caller]
    pub fn get(&self) -> T {
        self.with(|value| *value)
    }

    /// Replaces the value.
    #[track_caller]
    pub fn set(&self, new: T) {
        self.with(|value| *value = new);
    }
}
