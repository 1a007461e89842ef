//! A figure: instructions per operation, to a tenth.
//!
//! Two runs of different length, so that what happens once in a run cancels
//! out; the same for a run without the operation, so that the loop does.
//!
//! ```text
//!   (long - short) of the operation - (long - short) of the loop
//!   ------------------------------------------------------------
//!                 operations by which long exceeds short
//! ```
//!
//! Invariants: `what_happens_once_does_not_count`, `the_loop_does_not_count`.
//!
//! Next on the tour: [`crate::operations`](../src/operations.rs).

use core::fmt;

/// Readings of a counter for a run and for one twice as long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Runs {
    /// Ticks of the run.
    pub short: u64,
    /// Ticks of the run twice as long.
    pub long: u64,
}

/// Tenths of an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Figure(pub u64);

impl Figure {
    /// The price of one of `count` operations, given the same number of empty rounds.
    pub fn of(operation: Runs, empty: Runs, count: u32) -> Self {
        let price = operation.grown().saturating_sub(empty.grown());
        let count = u64::from(count);
        Self((price * 10 + count / 2) / count)
    }
}

impl Runs {
    fn grown(self) -> u64 {
        self.long.saturating_sub(self.short)
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 10, self.0 % 10) {
            (whole, 0) => write!(f, "{whole}"),
            (whole, tenth) => write!(f, "{whole}.{tenth}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_LOOP: Runs = Runs { short: 0, long: 0 };

    #[test]
    fn what_happens_once_does_not_count() {
        let runs = Runs { short: 5000 + 100 * 7, long: 5000 + 200 * 7 };
        assert_eq!(Figure::of(runs, NO_LOOP, 100), Figure(70));
    }

    #[test]
    fn the_loop_does_not_count() {
        let empty = Runs { short: 10 + 100 * 4, long: 10 + 200 * 4 };
        let runs = Runs { short: 20 + 100 * 7, long: 20 + 200 * 7 };
        assert_eq!(Figure::of(runs, empty, 100), Figure(30));
    }

    #[test]
    fn an_operation_cheaper_than_nothing_costs_nothing() {
        assert_eq!(Figure::of(NO_LOOP, Runs { short: 0, long: 9 }, 1), Figure(0));
    }

    #[test]
    fn tenths_are_shown_only_where_there_are_any() {
        let runs = |long| Runs { short: 0, long };
        assert_eq!(Figure::of(runs(30), NO_LOOP, 10).to_string(), "3");
        assert_eq!(Figure::of(runs(333), NO_LOOP, 100).to_string(), "3.3");
    }
}
