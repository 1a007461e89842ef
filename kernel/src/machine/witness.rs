//! Whose turn it is, for the last words.
//!
//! When the Host ends by a mistake of its own, what the Guest did last whose
//! turn it was is half of the story. The way there takes no lock and asks
//! nobody, so the Guest is named here before its turn.
//!
//! Invariants: the name leads to a Guest only while that is lent ([`turn_of`]);
//! what is told ends, and the last line is still the last
//! (`selftest=turn`).
//!
//! Next on the tour: [`super::emergency`].

use core::fmt::{self, Write};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};

use kernel::cpu::tsc::elapsed;
use kernel::guest::Guest;
use kernel::inspect::post_mortem::Before;
use kernel::trace::Trace;

use super::ram::GuestRam;
use super::{clock, cpu};

static TURN: AtomicPtr<Turn> = AtomicPtr::new(null_mut());

/// A Guest that has its turn.
struct Turn {
    name: *const str,
    trace: *const Trace,
}

/// Gives `guest` its turn, which is `body`, and lets the last words find it meanwhile.
pub fn turn_of<R>(
    name: &str,
    guest: &mut Guest<GuestRam>,
    body: impl FnOnce(&mut Guest<GuestRam>) -> R,
) -> R {
    let turn = Turn { name, trace: &raw const guest.trace };
    TURN.store((&raw const turn).cast_mut(), Relaxed);
    let result = body(guest);
    TURN.store(null_mut(), Relaxed);
    result
}

/// Tells what the Guest did last whose turn it is. Only for the last words, for the turn is not
/// gone on with; and only once, should they fail.
///
/// # Errors
/// Those of `words`.
pub fn tell(words: &mut impl Write) -> fmt::Result {
    let turn = TURN.swap(null_mut(), Relaxed);
    if turn.is_null() {
        return Ok(());
    }
    // SAFETY: 1. `turn_of` has not returned, or the pointer were null: its frame, and what was lent
    // to it, are there. 2. Whoever had borrowed the Guest never runs again. 3. Nobody is in the
    // middle of an event, for noting one neither faults nor panics.
    let (name, trace) = unsafe { (&*(*turn).name, &*(*turn).trace) };
    let (now, khz) = (cpu::tsc(), clock::tsc_khz());
    writeln!(words, "guest {name}: it was its turn; its last events, oldest first, and how long ago:")?;
    for noted in trace.events(now) {
        let before = Before { ticks: elapsed(noted.tsc, now), khz };
        writeln!(words, "guest {name}:   {before} {}", noted.event)?;
    }
    Ok(())
}
