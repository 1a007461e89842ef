//! The arithmetic of the PC's interval timer.
//!
//! Its crystal runs at a third of the old colour-television frequency and its
//! counters have 16 bits, so the longest it can be set to is 55 ms. Whoever
//! wants to sleep longer is woken in between and sets it again.
//!
//! Invariants: an alarm is never late by more than a tick and never set for
//! longer than the counter lasts (`an_alarm_is_rounded_up_and_clipped`).
//!
//! Source: Intel 8254 data sheet, "Mode 0: interrupt on terminal count".
//!
//! Next on the tour: [`super::tsc`].

use abi::Nanos;

/// Ticks of the timer's crystal in a second.
pub const FREQUENCY: u64 = 1_193_182;

const PLACES: u32 = 36;
/// Ticks in a nanosecond, with that many binary places: over 55 ms it errs by less than a
/// thousandth of a tick.
const TICKS_IN_A_NANO: u64 = (FREQUENCY << PLACES) / 1_000_000_000;

/// The counter that goes off after `delay`: at least 1 tick, at most all 65535.
pub const fn ticks(delay: Nanos) -> u16 {
    let longest = nanos(u16::MAX).0;
    if delay.0 >= longest {
        return u16::MAX;
    }
    // A multiplication in place of a division, for Guests set many alarms.
    match (delay.0 * TICKS_IN_A_NANO).div_ceil(1 << PLACES) {
        0 => 1,
        // Below `longest`, so it fits.
        ticks => ticks as u16,
    }
}

/// How long a counter takes to run out, rounded down.
pub const fn nanos(ticks: u16) -> Nanos {
    Nanos(ticks as u64 * 1_000_000_000 / FREQUENCY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_is_rounded_up_and_clipped() {
        assert_eq!(ticks(Nanos(0)), 1);
        assert_eq!(ticks(Nanos(839)), 2);
        assert_eq!(ticks(Nanos::from_millis(10)), 11_932);
        assert_eq!(ticks(Nanos::NEVER), u16::MAX);
        for count in [1, 2, 1000, 65_534, 65_535] {
            assert!(ticks(nanos(count)) == count);
        }
    }

    #[test]
    fn the_longest_alarm_is_fifty_five_milliseconds() {
        assert_eq!(nanos(u16::MAX).0 / 1_000_000, 54);
    }
}
