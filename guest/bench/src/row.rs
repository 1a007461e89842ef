//! A row: its name, its operation, and how it is measured.
//!
//! Next on the tour: [`crate::operations`].

use core::hint::black_box;

use kit::{println, time};

use crate::figure::{Figure, Runs};

/// One line of the table.
pub struct Row {
    name: &'static str,
    count: u32,
    operation: fn(u32),
    empty: fn(u32),
}

/// Measures `rows` and prints them, each name with `prefix` in front.
pub fn print(prefix: &str, rows: &[Row]) {
    for row in rows {
        println!("bench {prefix}{} {}", row.name, row.measure());
    }
}

impl Row {
    /// A row called `name`: `operation` runs the operation as often as it is told, `empty` does
    /// everything but the operation; `count` is how often that is in the shorter run.
    pub const fn new(name: &'static str, count: u32, operation: fn(u32), empty: fn(u32)) -> Self {
        Self { name, count, operation, empty }
    }

    fn measure(&self) -> Figure {
        let operation = runs(self.operation, self.count);
        Figure::of(operation, runs(self.empty, self.count), self.count)
    }
}

/// A first run warms up: page tables are built, shadows filled.
fn runs(body: fn(u32), count: u32) -> Runs {
    body(count);
    Runs { short: ticks(body, count), long: ticks(body, 2 * count) }
}

fn ticks(body: fn(u32), count: u32) -> u64 {
    let start = time::rdtsc();
    body(count);
    time::rdtsc() - start
}

/// Runs `operation` for each number below `count`, in a loop that is the same for all.
#[inline(always)]
pub fn each(count: u32, mut operation: impl FnMut(u32)) {
    for number in 0..count {
        operation(black_box(number));
    }
}

/// The loop alone.
pub fn nothing(count: u32) {
    each(count, |_| {});
}
