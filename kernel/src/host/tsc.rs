//! From time-stamp counter ticks to nanoseconds, without a division.
//!
//! The counter's frequency is measured once against the PIT: two sightings of
//! both clocks, some time apart. A sighting reads the TSC before and after the
//! PIT, and of several the tightest counts, so an emulator that is not given
//! the processor for a while in between does no harm. From then on a reading
//! is scaled by a 32-bit factor with 22 binary places: two multiplications, on
//! the path of every exit.
//!
//! Invariants:
//! - Time never runs backwards (`time_is_monotonic_across_the_dword_boundary`).
//! - A clock is off by less than 1 in 100,000 from what was measured, at any
//!   frequency admitted (`an_hour_is_an_hour`).
//! - A sighting that was interrupted is not used (`the_tightest_sighting_counts`).
//!
//! Source: Intel SDM Vol. 3, "Time-Stamp Counter".
//!
//! Next on the tour: [`super::rtc`].

use abi::Nanos;

use super::pit;

const PLACES: u32 = 22;
/// Frequencies below are not a TSC's, and would overflow the factor.
const SLOWEST_KHZ: u32 = 1_001;
/// Frequencies above are a mistake of the measurement.
const FASTEST_KHZ: u32 = 20_000_000;

/// Both clocks at about the same moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sighting {
    /// The TSC just before the PIT was read.
    pub before: u64,
    /// What is left of the PIT's count.
    pub count: u16,
    /// The TSC just after.
    pub after: u64,
}

impl Sighting {
    /// Of several, the one that leaves the least doubt when it was.
    pub fn tightest(sightings: impl IntoIterator<Item = Self>) -> Option<Self> {
        sightings.into_iter().min_by_key(|sighting| sighting.after.wrapping_sub(sighting.before))
    }

    /// The TSC at the moment the PIT was read, as good as it can be known.
    const fn tsc(self) -> u64 {
        self.before + self.after.saturating_sub(self.before) / 2
    }
}

/// What turns ticks into nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TscScale {
    khz: u32,
    factor: u32,
}

impl TscScale {
    /// The scale of a counter that advanced by `cycles` in `pit_ticks` of the PIT, or `None` if
    /// that is not a frequency a CPU has.
    pub const fn admit(cycles: u64, pit_ticks: u16) -> Option<Self> {
        let Some(product) = cycles.checked_mul(pit::FREQUENCY) else { return None };
        if pit_ticks == 0 {
            return None;
        }
        let hertz = product / pit_ticks as u64;
        let khz = (hertz + 500) / 1_000;
        if khz < SLOWEST_KHZ as u64 || khz > FASTEST_KHZ as u64 {
            return None;
        }
        let factor = ((1_000_000_000 << PLACES) + hertz / 2) / hertz;
        Some(Self { khz: khz as u32, factor: factor as u32 })
    }

    /// The scale by two sightings during one run of the PIT's count.
    pub const fn between(first: Sighting, last: Sighting) -> Option<Self> {
        match (last.tsc().checked_sub(first.tsc()), first.count.checked_sub(last.count)) {
            (Some(cycles), Some(ticks)) => Self::admit(cycles, ticks),
            (None, _) | (_, None) => None,
        }
    }

    /// The counter's frequency.
    pub const fn khz(self) -> u32 {
        self.khz
    }

    /// How long `cycles` take.
    pub const fn nanos(self, cycles: u64) -> Nanos {
        let (high, low) = (cycles >> 32, cycles & 0xFFFF_FFFF);
        let factor = self.factor as u64;
        let high = high.saturating_mul(factor << (32 - PLACES));
        Nanos(high.saturating_add((low * factor) >> PLACES))
    }
}

// Rounded to the nearest kHz, the slowest admitted may be half a kHz slower.
const _: () = assert!((1_000_000_000_u64 << PLACES) / (SLOWEST_KHZ as u64 * 1_000 - 500) <= u32::MAX as u64);

#[cfg(test)]
mod tests {
    use super::*;

    /// The scale of a counter at `khz`, measured over 50 ms.
    fn scale(khz: u64) -> TscScale {
        TscScale::admit(khz * 1000 * 59_659 / pit::FREQUENCY, 59_659).unwrap()
    }

    #[test]
    fn an_hour_is_an_hour() {
        for khz in [25_000, 133_000, 1_000_000, 2_600_000, 5_000_000, 10_000_000] {
            let hour = scale(khz).nanos(khz * 1000 * 3600).0;
            assert!(hour.abs_diff(3_600_000_000_000) < 36_000_000, "{khz} kHz: {hour} ns");
        }
    }

    #[test]
    fn the_tightest_sighting_counts() {
        let sightings = [(100, 9_000, 400), (500, 8_950, 90_000), (90_100, 8_000, 90_200)];
        let sightings = sightings.map(|(before, count, after)| Sighting { before, count, after });
        assert_eq!(Sighting::tightest(sightings), Some(sightings[2]));
        let scale = TscScale::between(sightings[0], sightings[2]).unwrap();
        assert_eq!(scale.khz(), 107_267);
        assert_eq!(TscScale::between(sightings[2], sightings[0]), None);
    }

    #[test]
    fn time_is_monotonic_across_the_dword_boundary() {
        let scale = scale(2_600_000);
        let around = (1_u64 << 32) - 1000..(1 << 32) + 1000;
        assert!(around.clone().zip(around.skip(1)).all(|(a, b)| scale.nanos(a) <= scale.nanos(b)));
        assert!(scale.nanos(u64::MAX) >= scale.nanos(u64::MAX - 1));
    }

    #[test]
    fn what_is_no_frequency_is_refused() {
        assert_eq!(TscScale::admit(0, 11_932), None);
        assert_eq!(TscScale::admit(10_000_000, 0), None);
        assert_eq!(TscScale::admit(u64::MAX, 1), None);
        assert_eq!(TscScale::admit(9_999, 11_932), None);
    }
}
