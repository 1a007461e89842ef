//! The virtual interrupt flag: a word in memory that the Host looks at.
//!
//! The real interrupt flag is always set while a Guest runs. What the kernel
//! means by "interrupts off" is bit 9 of a word it shares with the Host, so
//! switching it costs a store. Only switching *on* may cost an exit, when the
//! Host has said that something waits.
//!
//! Invariants:
//! - Whoever turns interrupts on looks for what is pending afterwards, never
//!   before: an interrupt that arrives in between is seen either way (`restore`).
//!
//! Source: lguest ABI, "Virtual interrupts" and "Semantics" of `lguest_data`.
//!
//! Next on the tour: [`crate::local`].

use core::sync::atomic::{Ordering, compiler_fence};

use abi::lguest_data::IF;

use crate::dialect::Dialect;
use crate::hypercall::Call;
use crate::shared;

/// The virtual interrupt flag as it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "what was saved should be restored"]
pub struct Saved(u32);

/// Whether interrupts are on.
pub fn are_enabled() -> bool {
    shared::irq_enabled().load(Ordering::Relaxed) & IF != 0
}

/// Turns interrupts off.
pub fn disable() {
    shared::irq_enabled().store(0, Ordering::Relaxed);
    compiler_fence(Ordering::SeqCst);
}

/// Turns interrupts on and lets in what has been waiting.
pub fn enable() {
    restore(Saved(IF));
}

/// Turns interrupts off and says how they were.
pub fn save_and_disable() -> Saved {
    let saved = Saved(shared::irq_enabled().load(Ordering::Relaxed));
    disable();
    saved
}

/// Puts interrupts back as they were.
pub fn restore(saved: Saved) {
    compiler_fence(Ordering::SeqCst);
    shared::irq_enabled().store(saved.0, Ordering::Relaxed);
    compiler_fence(Ordering::SeqCst); // the Host must see the flag before we ask what is pending
    // Both are 0 or bit 9, and where the word is another one, `let_in` does nothing.
    if shared::irq_pending_unless_a().load(Ordering::Relaxed) & saved.0 != 0 {
        let_in();
    }
}

/// Has the Host look at what waits. Layout A has no call for that, and no word that would ask for
/// it: there the Host looks by itself, if a little later.
#[cold]
pub(crate) fn let_in() {
    let dialect = Dialect::current();
    if shared::irq_pending().is_none() {
        return;
    }
    if dialect.sends_by_vmcall() {
        Call::SEND_INTERRUPTS.make_by_vmcall();
    } else {
        Call::SEND_INTERRUPTS.make();
    }
}

/// Runs `body` without interrupts.
#[track_caller]
pub fn without<R>(body: impl FnOnce() -> R) -> R {
    let saved = save_and_disable();
    let result = body();
    restore(saved);
    result
}
