//! Interrupts: a mask in memory, and who handles what.
//!
//! Whether any comes at all is up to the [flag](crate::interrupt_flag), whose
//! functions are here as well.
//!
//! Invariants:
//! - A handler runs with interrupts off: gates of lines are interrupt gates
//!   ([`crate::traps`] makes no others).
//!
//! Source: lguest ABI, "Virtual interrupts" and "Semantics" of `lguest_data`.
//!
//! Next on the tour: [`crate::traps`].

use core::sync::atomic::{AtomicU32, Ordering};

use abi::GuestLinear;
use abi::hypercall::IRQ_LINES;

use crate::interrupt_flag::let_in;
use crate::local::Local;
use crate::shared;

pub use crate::interrupt_flag::{Saved, are_enabled, disable, enable, restore, save_and_disable, without};

/// A function that serves an interrupt line.
pub type Handler = fn();

static HANDLERS: Local<[Option<Handler>; IRQ_LINES as usize]> = Local::new([None; IRQ_LINES as usize]);
static INTERRUPTED_AT: AtomicU32 = AtomicU32::new(0);

/// Keeps every line waiting until it has a handler; a Guest starts with only the timer's blocked.
pub(crate) fn init() {
    shared::blocked_interrupts().store(u32::MAX, Ordering::Relaxed);
}

/// Has `handler` called for line `line`, and unblocks it.
pub fn handle(line: u8, handler: Handler) {
    HANDLERS.with(|handlers| handlers[usize::from(line)] = Some(handler));
    unblock(line);
}

/// Keeps line `line` waiting.
pub fn block(line: u8) {
    shared::blocked_interrupts().fetch_or(1 << line, Ordering::Relaxed);
}

/// Lets line `line` through. Nothing tells the Host by itself, so it is told.
pub fn unblock(line: u8) {
    shared::blocked_interrupts().fetch_and(!(1 << line), Ordering::Relaxed);
    let_in();
}

/// Which instruction the last interrupt came before.
pub fn interrupted_at() -> GuestLinear {
    GuestLinear(INTERRUPTED_AT.load(Ordering::Relaxed))
}

/// Serves line `line`, which came before the instruction at `eip`; called from the trap stubs.
pub(crate) fn dispatch(line: u8, eip: u32) {
    INTERRUPTED_AT.store(eip, Ordering::Relaxed);
    match HANDLERS.with(|handlers| handlers[usize::from(line)]) {
        Some(handler) => handler(),
        None => panic!("interrupt line {line} has no handler and should be blocked"),
    }
}
