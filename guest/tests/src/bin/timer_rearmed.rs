//! A handler that sets the next alarm makes a tick, and the tick keeps the time.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::{Nanos, interrupts, time};

kit::guest_test!(timer_rearmed);

const PERIOD: Nanos = Nanos::from_millis(4);
const TICKS: u32 = 50;

fn timer_rearmed() {
    let start = time::now();
    time::start_ticking(PERIOD);
    interrupts::enable();
    assert!(time::wait_until(|| time::ticks() >= TICKS), "only {} ticks", time::ticks());
    let took = start.until(time::now());
    assert!(took.0 >= PERIOD.0 * u64::from(TICKS), "{TICKS} ticks of 4 ms in {} ns", took.0);
}
