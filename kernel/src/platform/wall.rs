//! The wall clock, moved along without a division.
//!
//! A Guest is told the time with each interrupt. Dividing nanoseconds since
//! the Host's start by a billion every time would cost more than delivering
//! the interrupt, so the last answer is kept and what has passed since is
//! added to it.
//!
//! Invariants: it agrees with the division (`it_is_what_a_division_would_say`).
//!
//! Next on the tour: [`super::dump`].

use abi::Nanos;

const SECOND: u64 = 1_000_000_000;
/// Seconds that are added one by one; after a longer pause it is worth dividing.
const FEW: u64 = 4;

/// The last answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WallClock {
    at: Nanos,
    seconds: u32,
    nanos: u64,
}

impl WallClock {
    /// A clock that shows `seconds` since 1970 and `nanos` at the time `at`.
    pub const fn new(at: Nanos, (seconds, nanos): (u32, u32)) -> Self {
        Self { at, seconds, nanos: nanos as u64 }
    }

    /// Seconds and nanoseconds at the time `now`, which is not before that of the last call.
    pub fn advance(&mut self, now: Nanos) -> (u32, u32) {
        self.nanos += self.at.until(now).0;
        self.at = now;
        if self.nanos >= FEW * SECOND {
            self.seconds = self.seconds.saturating_add((self.nanos / SECOND) as u32);
            self.nanos %= SECOND;
        }
        while self.nanos >= SECOND {
            self.nanos -= SECOND;
            self.seconds = self.seconds.saturating_add(1);
        }
        (self.seconds, self.nanos as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_a_division_would_say() {
        let mut wall = WallClock::new(Nanos(500), (1_000, 999_999_999));
        let mut now = 500;
        for step in [0, 1, 7, SECOND - 1, SECOND, 3 * SECOND + 5, 4 * SECOND, 3_600 * SECOND, 12_345] {
            now += step;
            let since = now - 500 + 999_999_999;
            let expected = (1_000 + (since / SECOND) as u32, (since % SECOND) as u32);
            assert_eq!(wall.advance(Nanos(now)), expected);
        }
    }

    #[test]
    fn a_time_before_the_last_one_changes_nothing() {
        let mut wall = WallClock::new(Nanos(500), (7, 8));
        assert_eq!(wall.advance(Nanos(3)), (7, 8));
    }
}
