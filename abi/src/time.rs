//! Time, as the Host counts it.
//!
//! One type, one unit, one origin: nanoseconds since the Host started, from a
//! clock that never steps back. Wall-clock time appears only where a Guest
//! asks for it. All arithmetic saturates: a Guest may ask for any delay it
//! likes and gets "never" instead of a wrapped "now".
//!
//! Next on the tour: [`crate::hypercall`].

/// A point in time or a duration, in nanoseconds since the Host started.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Nanos(pub u64);

impl Nanos {
    /// A point no clock ever reaches.
    pub const NEVER: Self = Self(u64::MAX);

    /// A duration of whole microseconds.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros.saturating_mul(1_000))
    }

    /// A duration of whole milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// This point moved by `delay`, at the latest [`Nanos::NEVER`].
    pub const fn after(self, delay: Self) -> Self {
        Self(self.0.saturating_add(delay.0))
    }

    /// How long until `later`, or zero when that has passed.
    pub const fn until(self, later: Self) -> Self {
        Self(later.0.saturating_sub(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absurd_delay_is_never() {
        assert_eq!(Nanos(5).after(Nanos(u64::MAX)), Nanos::NEVER);
        assert_eq!(Nanos::from_millis(u64::MAX), Nanos::NEVER);
    }

    #[test]
    fn what_has_passed_is_due_now() {
        assert_eq!(Nanos(9).until(Nanos(4)), Nanos(0));
        assert_eq!(Nanos(4).until(Nanos(9)), Nanos(5));
    }
}
