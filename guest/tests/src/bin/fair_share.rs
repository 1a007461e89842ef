//! Counts how much of the CPU it gets between two points in time, for a comparison with its
//! neighbours. `from=` and `until=` are milliseconds of the machine's clock, which is the same for
//! all; `as=` is what to call it.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kennel_guest_tests::number;
use kit::{Nanos, bare, boot_params, println, time, words};

kit::guest_test!(fair_share);

/// Thousands of instructions in a unit of work.
const UNIT: u32 = 100;

fn fair_share() {
    let name = words::value(boot_params::command_line(), "as").unwrap_or("?");
    let from = Nanos::from_millis(number("from", 0).into());
    let until = from.max(time::now()).after(Nanos::from_millis(20));
    let until = until.max(Nanos::from_millis(number("until", 0).into()));
    while time::now() < from {
        bare::work(UNIT);
    }
    let mut units = 0;
    while time::now() < until {
        bare::work(UNIT);
        units += 1;
    }
    println!("share {name} {units}");
    assert!(units > 0);
}
