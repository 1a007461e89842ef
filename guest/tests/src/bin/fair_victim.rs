//! Counts how long it does not run while others do their worst: in each second, and at a stretch.
//!
//! It looks at the machine's clock again and again. Two looks far apart mean that somebody else ran in
//! between. `beside=` is how many others there are, `for=` how many milliseconds it looks, in whole
//! seconds. Due are one part of as many as there are Guests, less 5 % of it, and at no time more than a
//! slice for each of the others and 5 ms without the CPU. Only a counted clock is judged: by any other
//! the computer itself may be busy.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kennel_guest_tests::number;
use kit::{Nanos, println, time};

kit::guest_test!(fair_victim);

/// Two looks that are farther apart than this, somebody else ran between.
const FAR: u64 = 200_000;
/// A slice, and what may be added once, in microseconds.
const SLICE: u64 = 10_000;
const GRACE: u64 = 5_000;
const SECOND: Nanos = Nanos::from_millis(1000);

fn fair_victim() {
    let beside = u64::from(number("beside", 0));
    let mut left = number("for", 0) / 1000;
    let (mut least, mut longest) = (100, 0);
    time::spin(Nanos::from_millis(50)); // until all have begun
    while left > 0 {
        let (share, gap) = one_second();
        (least, longest, left) = (least.min(share), longest.max(gap), left - 1);
    }
    println!("victim: at least {least} %, at most {longest} us away");
    let (due, bound) = (95 / (beside + 1), beside * SLICE + GRACE);
    assert!(least >= due, "{least} % of a second, {due} % are due");
    assert!(longest <= bound, "{longest} us at a stretch, {bound} us are the most");
}

/// Per cent of a second that it ran, and the longest time that it did not, in microseconds.
fn one_second() -> (u64, u64) {
    let start = time::now();
    let end = start.after(SECOND);
    let (mut last, mut away, mut longest) = (start, 0, 0);
    while last < end {
        let now = time::now();
        let gap = last.until(now).0;
        if gap > FAR {
            away += gap;
            longest = longest.max(gap);
        }
        last = now;
    }
    let all = start.until(last).0;
    (100 - (away * 100).div_ceil(all).min(100), longest / 1000)
}
