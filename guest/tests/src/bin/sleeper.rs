//! Sleeps until a point in time, `until=` milliseconds of the machine's clock, in as few turns as
//! the longest timer allows. What its neighbours get meanwhile is for them to count.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kennel_guest_tests::number;
use kit::{Nanos, hypercall, println, time};

kit::guest_test!(sleeper);

/// A little less than fits the hypercall's argument.
const LONGEST: Nanos = Nanos::from_millis(4000);

fn sleeper() {
    time::on_alarm(|| {});
    let until = Nanos::from_millis(number("until", 100).into());
    let mut turns = 0;
    while time::now() < until {
        time::set_alarm(LONGEST.min(time::now().until(until)));
        hypercall::halt();
        turns += 1;
    }
    println!("slept in {turns} turns");
    assert!(turns <= 8, "{turns} turns are too many for that time");
}
