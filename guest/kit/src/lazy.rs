//! Hypercalls in company: the ring of queued calls.
//!
//! An exit costs far more than the call it carries, so a Guest that has many
//! page-table entries to announce writes them into a ring of 64 and exits
//! once. The Host works off the ring, oldest first, before any other call.
//!
//! ```text
//!   batch(|| { set, set, set … })     each: slot filled, then marked ready
//!         └── FLUSH_ASYNC             one exit for all of them
//! ```
//!
//! A full ring is no error: the next call is made on the spot, and that exit
//! empties the ring first, so the order holds.
//!
//! Invariants: a slot is marked ready after its record is written, never
//! before (a release store); `Cursor`'s tests keep the two from passing each other.
//!
//! Source: lguest ABI, "Async ring".
//!
//! Next on the tour: [`crate::interrupts`].

use core::sync::atomic::{AtomicBool, Ordering};

use abi::lguest_data::{LAYOUT_C, Layout, RING_READY};

use crate::dialect::Dialect;
use crate::hypercall::Call;
use crate::interrupts;
use crate::ring::Cursor;
use crate::shared;

static CURSOR: Cursor = Cursor::new();
static BATCHING: AtomicBool = AtomicBool::new(false);

/// Runs `body`; what it [`issue`]s reaches the Host before this returns, all at once if it fits.
pub fn batch<R>(body: impl FnOnce() -> R) -> R {
    let outer = BATCHING.swap(true, Ordering::Relaxed);
    let result = body();
    BATCHING.store(outer, Ordering::Relaxed);
    Call::FLUSH_ASYNC.make();
    result
}

/// Makes `call`, or queues it if a [`batch`] is open.
pub fn issue(call: Call) {
    if BATCHING.load(Ordering::Relaxed) { queue(call) } else { call.make() }
}

/// Queues `call`; makes it if the ring is full.
#[inline]
pub fn queue(call: Call) {
    if Dialect::current().is_plain() {
        queue_in(&LAYOUT_C, call, call.arguments);
    } else {
        let Call { number, arguments: [a, b, c] } = call;
        queue_odd(number, a, b, c);
    }
}

/// What differs in the odd dialects is out of line, so that the others pay for a test, and takes
/// the call in words: by reference, they would all have to be in memory.
#[cold]
fn queue_odd(number: u32, a: u32, b: u32, c: u32) {
    let call = Call { number, arguments: [a, b, c] };
    queue_in(shared::layout(), call, call.in_registers(Dialect::current()));
}

/// An interrupt in the middle might queue a call of its own and have the ring emptied, as far as
/// this slot, so there is none.
#[inline(always)]
fn queue_in(layout: &Layout, call: Call, [ebx, ecx, edx]: [u32; 3]) {
    let status = |slot| shared::hcall_status_in(layout, slot);
    let is_queued = interrupts::without(|| {
        let Some(slot) = CURSOR.claim(|slot| status(slot).load(Ordering::Relaxed)) else {
            return false;
        };
        for (to, from) in shared::hcall_in(layout, slot).iter().zip([call.number, ebx, ecx, edx, 0]) {
            to.store(from, Ordering::Relaxed);
        }
        status(slot).store(RING_READY, Ordering::Release);
        true
    });
    if !is_queued {
        call.make();
    }
}
