//! A blocked line waits, whatever the flag says, and comes once it is unblocked.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use core::sync::atomic::{AtomicU32, Ordering};

use kit::{Nanos, interrupts, time};

kit::guest_test!(blocked_line);

static FIRED: AtomicU32 = AtomicU32::new(0);

fn blocked_line() {
    time::on_alarm(|| {
        FIRED.fetch_add(1, Ordering::Relaxed);
    });
    interrupts::block(time::TIMER_LINE);
    interrupts::enable();
    time::set_alarm(Nanos::from_millis(10));
    time::spin(Nanos::from_millis(100));
    assert_eq!(FIRED.load(Ordering::Relaxed), 0, "the line was blocked");
    interrupts::unblock(time::TIMER_LINE);
    assert!(time::wait_until(|| FIRED.load(Ordering::Relaxed) == 1), "it was lost");
}
