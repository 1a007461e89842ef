//! Counter ticks as time.
//!
//! Invariants: `a_year_of_ticks_does_not_overflow`.
//!
//! Next on the tour: [`crate::words`].

use abi::Nanos;

/// `ticks` of a counter that runs at `khz`, which is not 0.
pub const fn time_of(ticks: u64, khz: u64) -> Nanos {
    // Whole milliseconds first: ticks times a million would leave 64 bits after a few hours.
    Nanos(ticks / khz * 1_000_000 + ticks % khz * 1_000_000 / khz)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_of_ticks_does_not_overflow() {
        let year = 365 * 24 * 3600;
        assert_eq!(time_of(year * 3_000_000_000, 3_000_000), Nanos(year * 1_000_000_000));
    }

    #[test]
    fn less_than_a_millisecond_counts() {
        assert_eq!(time_of(1_500, 1_000_000), Nanos(1_500));
        assert_eq!(time_of(2_500_001, 2_500_000), Nanos(1_000_000));
    }
}
