//! Differences between two readings of the time-stamp counter.
//!
//! Invariants: the counter may come round (`an_hour_is_an_hour`, `counters_may_come_round`).
//!
//! Next on the tour: [`super::exit`].

/// How far a counter has come since it stood at `from`; 0 if `to` is before that.
#[inline]
pub const fn elapsed(from: u64, to: u64) -> u64 {
    let ticks = to.wrapping_sub(from);
    if ticks as i64 >= 0 { ticks } else { 0 }
}
