//! From time-stamp counter ticks to nanoseconds, without a division.
//!
//! The counter's frequency is measured once against another counter of the
//! machine's, whichever counts: two sightings of both, some time apart. A
//! sighting reads the TSC before and after the other, and of several the
//! tightest counts, so an emulator that is not given the processor for a while
//! in between does no harm. The first measurement is thrown away, as the code
//! and the chip are cold, and of those that follow two must agree. From then on
//! a reading is scaled by a 32-bit factor with 22 binary places: two
//! multiplications, on the path of every exit.
//!
//! Time is a difference: where the counters stand when the Host starts means
//! nothing, and they may come round meanwhile.
//!
//! Invariants:
//! - Time never runs backwards (`time_is_monotonic_across_the_dword_boundary`).
//! - A clock is off by less than 1 in 100,000 from what was measured, at any
//!   frequency admitted (`an_hour_is_an_hour`).
//! - A sighting that was interrupted is not used (`the_tightest_sighting_counts`).
//! - A counter that comes round is as good as any (`counters_may_come_round`).
//! - A counter that stands still, or that says something else each time, measures nothing
//!   (`a_counter_that_stands_still_measures_nothing`, `two_measurements_must_agree`).
//!
//! Source: Intel SDM Vol. 3, "Time-Stamp Counter"; ACPI 6.5, "Power Management Timer".
//!
//! Next on the tour: [`super::acpi`].

use abi::Nanos;

use super::pit;
use crate::cpu::tsc::elapsed;

const PLACES: u32 = 22;
/// Frequencies below are not a TSC's, and would overflow the factor.
const SLOWEST_KHZ: u32 = 1_001;
/// Frequencies above are a mistake of the measurement.
const FASTEST_KHZ: u32 = 20_000_000;
/// Measurements of one counter, at most: on a busy computer an emulator may spoil several.
const MEASUREMENTS: usize = 16;
/// Two of them agree that differ by no more than one in so many.
const AGREEMENT: u32 = 250;

/// A counter that the TSC can be measured by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Counter {
    /// What to call it.
    pub name: &'static str,
    /// How often it counts in a second.
    pub frequency: u32,
    /// The bits it has; others read as whatever they like.
    pub mask: u32,
    /// It counts down.
    pub falls: bool,
}

impl Counter {
    /// Channel 2 of the interval timer.
    pub const PIT_2: Self = Self { name: "timer channel 2", ..Self::PIT };
    /// Channel 0 of it.
    pub const PIT_0: Self = Self { name: "timer channel 0", ..Self::PIT };
    const PIT: Self = Self { name: "", frequency: pit::FREQUENCY as u32, mask: 0xFFFF, falls: true };
    /// ACPI's timer, of which only 24 bits are sure to be there.
    pub const ACPI: Self =
        Self { name: "the ACPI timer", frequency: 3_579_545, mask: 0x00FF_FFFF, falls: false };
    /// The seconds of the battery clock, counted at their beginnings.
    pub const RTC: Self = Self { name: "the battery clock", frequency: 1, mask: u32::MAX, falls: false };

    /// How far it has come from one count to another.
    pub const fn ticks(&self, first: u32, last: u32) -> u32 {
        let (from, to) = if self.falls { (last, first) } else { (first, last) };
        to.wrapping_sub(from) & self.mask
    }
}

/// Both clocks at about the same moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sighting {
    /// The TSC just before the other counter was read.
    pub before: u64,
    /// Where that stood.
    pub count: u32,
    /// The TSC just after.
    pub after: u64,
}

impl Sighting {
    /// Of several, the one that leaves the least doubt when it was.
    pub fn tightest(sightings: impl IntoIterator<Item = Self>) -> Option<Self> {
        sightings.into_iter().min_by_key(|sighting| sighting.after.wrapping_sub(sighting.before))
    }

    /// The TSC at the moment the counter was read, as good as it can be known.
    const fn tsc(self) -> u64 {
        self.before.wrapping_add(elapsed(self.before, self.after) / 2)
    }
}

/// What turns ticks into nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TscScale {
    khz: u32,
    factor: u32,
}

impl TscScale {
    /// The scale of a counter that advanced by `cycles` in `ticks` of one that counts `frequency`
    /// times a second, or `None` if that is not a frequency a CPU has.
    pub const fn admit(cycles: u64, ticks: u32, frequency: u32) -> Option<Self> {
        let Some(product) = cycles.checked_mul(frequency as u64) else { return None };
        if ticks == 0 {
            return None;
        }
        let hertz = product / ticks as u64;
        let khz = (hertz + 500) / 1_000;
        if khz < SLOWEST_KHZ as u64 || khz > FASTEST_KHZ as u64 {
            return None;
        }
        let factor = ((1_000_000_000 << PLACES) + hertz / 2) / hertz;
        Some(Self { khz: khz as u32, factor: factor as u32 })
    }

    /// The scale of a counter whose frequency in Hz somebody knows.
    pub const fn told(hertz: u64) -> Option<Self> {
        Self::admit(hertz, 1, 1)
    }

    /// The scale by two sightings, between which `counter` has not come round more than once.
    pub const fn between(first: Sighting, last: Sighting, counter: &Counter) -> Option<Self> {
        let ticks = counter.ticks(first.count, last.count);
        Self::admit(elapsed(first.tsc(), last.tsc()), ticks, counter.frequency)
    }

    /// The scale by several measurements of the same: all but the first, of which any two must agree.
    pub fn agreed(mut measure: impl FnMut() -> Option<Self>) -> Option<Self> {
        let _cold = measure()?;
        let mut seen = [measure()?.khz; MEASUREMENTS];
        for count in 1..MEASUREMENTS {
            let next = measure()?;
            if seen[..count].iter().any(|&khz| next.khz.abs_diff(khz) <= khz / AGREEMENT) {
                return Some(next);
            }
            seen[count] = next.khz;
        }
        None
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
        admit(khz * 1000 * 59_659 / pit::FREQUENCY, 59_659).unwrap()
    }

    fn admit(cycles: u64, ticks: u32) -> Option<TscScale> {
        TscScale::admit(cycles, ticks, pit::FREQUENCY as u32)
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
        let scale = TscScale::between(sightings[0], sightings[2], &Counter::PIT_2).unwrap();
        assert_eq!(scale.khz(), 107_267);
        assert_eq!(TscScale::between(sightings[2], sightings[0], &Counter::PIT_2), None);
    }

    #[test]
    fn counters_may_come_round() {
        let sighting = |tsc: u64, count| Sighting { before: tsc, count, after: tsc.wrapping_add(100) };
        let start = 0xFFFF_FFFF_E000_0000_u64;
        for (counter, first, last) in
            [(Counter::PIT_2, 100, 65_536 + 100 - 11_932), (Counter::ACPI, 0xFFFF_FF00, 35_795 - 256)]
        {
            let end = start.wrapping_add(10_000_000_000 / 1_000);
            let scale = TscScale::between(sighting(start, first), sighting(end, last), &counter).unwrap();
            assert!(scale.khz().abs_diff(1_000_000) < 100, "{counter:?}: {scale:?}");
            let near_the_end = sighting(u64::MAX - 50, first);
            let scale = TscScale::between(near_the_end, sighting(9_999_949, last), &counter).unwrap();
            assert!(scale.khz().abs_diff(1_000_000) < 100, "{counter:?}: {scale:?}");
        }
        assert_eq!((elapsed(u64::MAX - 9, 10), elapsed(10, 9)), (20, 0));
    }

    #[test]
    fn a_counter_that_stands_still_measures_nothing() {
        let sighting = |tsc| Sighting { before: tsc, count: 0xFFFF, after: tsc };
        assert_eq!(TscScale::between(sighting(0), sighting(1 << 30), &Counter::PIT_0), None);
        assert_eq!(TscScale::agreed(|| None), None);
    }

    #[test]
    fn two_measurements_must_agree() {
        let agreed = |khz: &[u64]| {
            let mut khz = khz.iter();
            TscScale::agreed(|| khz.next().map(|&khz| scale(khz))).map(TscScale::khz)
        };
        assert_eq!(agreed(&[2_000_000, 3_000_000, 3_001_000]), Some(3_001_000), "not the first");
        assert_eq!(
            agreed(&[1, 3_000_000, 9_000_000, 3_000_000, 3_000_000].map(|khz| khz.max(2_000))),
            Some(3_000_000)
        );
        assert_eq!(agreed(&[1, 3_000_000, 9_000_000, 3_001_000].map(|khz| khz.max(2_000))), Some(3_001_000));
        assert_eq!(agreed(&[2_000_000, 3_000_000, 4_000_000, 5_000_000, 6_000_000, 7_000_000]), None);
        assert_eq!(agreed(&[3_000_000, 3_000_000]), None, "one is not enough");
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
        assert_eq!(admit(0, 11_932), None);
        assert_eq!(admit(10_000_000, 0), None);
        assert_eq!(admit(u64::MAX, 1), None);
        assert_eq!(admit(9_999, 11_932), None);
    }
}
