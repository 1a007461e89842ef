//! How many lines of the Host a Guest may cause: `MOST` at once, and then one each `EVERY`.
//!
//! More are counted, and the count is a line too, at most one each `SUMMARY`.
//!
//! Invariants: however fast they come, a bounded number of lines is shown, and each of the others is
//! counted once (`lines_without_end_become_a_few_and_a_count`).
//!
//! Next on the tour: [`super::filter`].

use abi::Nanos;

/// Lines at once: some restarts, with what each says.
const MOST: u32 = 24;
/// How long it takes until another may come.
const EVERY: Nanos = Nanos::from_millis(500);
/// How long lines are counted before the count is told.
const SUMMARY: Nanos = Nanos::from_millis(5_000);

/// What is left to a Guest.
#[derive(Debug)]
pub struct Bucket {
    left: u32,
    /// Up to when what has come back to it is counted.
    filled: Nanos,
    left_out: u64,
    /// Since when.
    since: Nanos,
}

impl Default for Bucket {
    fn default() -> Self {
        Self { left: MOST, filled: Nanos(0), left_out: 0, since: Nanos(0) }
    }
}

impl Bucket {
    /// Whether a line may be shown at the time `now`; one that may not is counted.
    pub fn take(&mut self, now: Nanos) -> bool {
        let back = self.filled.until(now).0 / EVERY.0;
        self.left = MOST.min(self.left.saturating_add(back.min(MOST.into()) as u32));
        self.filled = if self.left == MOST { now } else { self.filled.after(Nanos(back * EVERY.0)) };
        if self.left > 0 {
            self.left -= 1;
            return true;
        }
        if self.left_out == 0 {
            self.since = now;
        }
        self.left_out += 1;
        false
    }

    /// How many were left out, if it is time to tell.
    pub fn summary(&mut self, now: Nanos) -> Option<u64> {
        if self.left_out == 0 || self.since.until(now) < SUMMARY { None } else { self.rest() }
    }

    /// How many were left out that were not told of.
    pub fn rest(&mut self) -> Option<u64> {
        Some(core::mem::take(&mut self.left_out)).filter(|&count| count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_without_end_become_a_few_and_a_count() {
        let mut bucket = Bucket::default();
        let (mut shown, mut summaries, mut counted) = (0, 0, 0);
        for millis in 0..20_000 {
            let now = Nanos::from_millis(millis);
            shown += u64::from(bucket.take(now));
            if let Some(count) = bucket.summary(now) {
                (summaries, counted) = (summaries + 1, counted + count);
            }
        }
        counted += bucket.rest().unwrap_or(0);
        assert_eq!(shown + counted, 20_000);
        assert!((MOST.into()..MOST as u64 + 41).contains(&shown), "{shown}");
        assert!(summaries <= 4, "{summaries}");
    }

    #[test]
    fn a_line_now_and_then_is_always_shown() {
        let mut bucket = Bucket::default();
        for second in 0..1000 {
            assert!(bucket.take(Nanos::from_millis(second * 1000)));
        }
        assert_eq!(bucket.summary(Nanos::NEVER), None);
    }
}
