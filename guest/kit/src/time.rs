//! Time: a clock that is read, and an alarm that is set.
//!
//! The clock is the TSC, which a Guest may read without asking. The Host tells
//! its frequency; where it tells none, its own clock in `lguest_data` serves,
//! refreshed at each interrupt. The alarm is one-shot; a periodic tick sets
//! the next one in the handler of the last.
//!
//! Invariants: the wall clock is never read halfway through a change of its
//! seconds (the loop in [`wall_clock`]).
//!
//! Source: lguest ABI, "Time".
//!
//! Next on the tour: [`crate::console`].

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use abi::Nanos;

use crate::hypercall::Call;
use crate::local::Local;
use crate::{interrupts, shared, tsc};

/// The interrupt line of the timer.
pub const TIMER_LINE: u8 = 0;

/// The counter's high half when somebody asked first; there was somebody.
static FIRST: AtomicU32 = AtomicU32::new(0);
static HAS_FIRST: AtomicBool = AtomicBool::new(false);
static TICKS: AtomicU32 = AtomicU32::new(0);
static PERIOD: Local<Nanos> = Local::new(Nanos(0));

/// The time-stamp counter.
#[inline(always)]
pub fn rdtsc() -> u64 {
    // SAFETY: it only reads, and the Host leaves it open to every ring.
    unsafe { core::arch::x86::_rdtsc() }
}

/// The time on a clock whose zero means nothing.
pub fn now() -> Nanos {
    match u64::from(shared::tsc_khz().load(Ordering::Relaxed)) {
        0 => wall_clock(),
        khz => tsc::time_of(rdtsc().wrapping_sub(first()), khz),
    }
}

/// Time is a difference: where the counter began means nothing, and it may come round.
fn first() -> u64 {
    if !HAS_FIRST.swap(true, Ordering::Relaxed) {
        FIRST.store((rdtsc() >> 32) as u32, Ordering::Relaxed);
    }
    u64::from(FIRST.load(Ordering::Relaxed)) << 32
}

/// The time since 1970, as of the last interrupt.
pub fn wall_clock() -> Nanos {
    loop {
        let seconds = shared::time_sec().load(Ordering::Acquire);
        let nanos = shared::time_nsec().load(Ordering::Acquire);
        if shared::time_sec().load(Ordering::Relaxed) == seconds {
            return Nanos(u64::from(seconds) * 1_000_000_000 + u64::from(nanos));
        }
    }
}

/// Has `handler` called on each timer interrupt.
pub fn on_alarm(handler: fn()) {
    interrupts::handle(TIMER_LINE, handler);
}

/// Asks for one timer interrupt after `delay`, in place of any other.
pub fn set_alarm(delay: Nanos) {
    Call::set_clockevent(delay).make();
}

/// Takes the alarm back.
pub fn cancel_alarm() {
    Call::set_clockevent(Nanos(0)).make();
}

/// Starts a periodic tick.
pub fn start_ticking(period: Nanos) {
    PERIOD.set(period);
    on_alarm(|| {
        TICKS.fetch_add(1, Ordering::Relaxed);
        set_alarm(PERIOD.get());
    });
    set_alarm(period);
}

/// Timer interrupts of the periodic tick so far.
pub fn ticks() -> u32 {
    TICKS.load(Ordering::Relaxed)
}

/// Spins until `delay` has passed, interrupts or not.
pub fn spin(delay: Nanos) {
    let end = now().after(delay);
    while now() < end {
        core::hint::spin_loop();
    }
}

/// Waits until `condition` holds; `false` if it does not within five seconds, which is longer than
/// any emulator sleeps.
pub fn wait_until(condition: impl Fn() -> bool) -> bool {
    let end = now().after(Nanos::from_millis(5000));
    while !condition() {
        if now() > end {
            return false;
        }
        core::hint::spin_loop();
    }
    true
}
