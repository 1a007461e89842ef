//! How often a Guest may start again.
//!
//! Each restart prints lines and clears memory. Its own time pays for the
//! clearing; but nobody wants to read the lines, so a Guest that restarts all
//! the time has to wait. One that restarts now and then does not notice.
//!
//! Invariants:
//! - In any second there are [`AT_ONCE`] restarts and a second's worth of
//!   [`EVERY`] at most (`a_guest_that_restarts_all_the_time_has_to_wait`).
//!
//! Next on the tour: the Host, in the kernel crate.

use abi::Nanos;

/// Restarts a Guest may make one after the other, ...
pub const AT_ONCE: u32 = 10;
/// ... and how long it takes until it may make one more.
pub const EVERY: Nanos = Nanos::from_millis(200);

/// The restarts a Guest has left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Restarts {
    left: u32,
    /// Since when the next one has been coming.
    since: Nanos,
    /// The person was told that it has to wait.
    pub is_told: bool,
}

impl Default for Restarts {
    fn default() -> Self {
        Self { left: AT_ONCE, since: Nanos(0), is_told: false }
    }
}

impl Restarts {
    /// Takes one at `now`; returns the time from which on it may be made.
    pub fn take(&mut self, now: Nanos) -> Nanos {
        while self.left < AT_ONCE && self.since.after(EVERY) <= now {
            self.left += 1;
            self.since = self.since.after(EVERY);
        }
        if self.left == AT_ONCE {
            self.since = now;
        }
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                now
            }
            None => {
                self.since = self.since.after(EVERY);
                self.since
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_that_restarts_all_the_time_has_to_wait() {
        let mut restarts = Restarts::default();
        let mut now = Nanos::from_millis(5_000);
        let mut made = 0;
        while now < Nanos::from_millis(6_000) {
            now = restarts.take(now.after(Nanos::from_millis(1)));
            made += 1;
        }
        assert_eq!(made, AT_ONCE + 5);
    }

    #[test]
    fn one_that_restarts_now_and_then_never_waits() {
        let mut restarts = Restarts::default();
        for second in 0..50 {
            let now = Nanos::from_millis(1_000 * second);
            assert_eq!((restarts.take(now), restarts.take(now)), (now, now), "second {second}");
        }
    }
}
