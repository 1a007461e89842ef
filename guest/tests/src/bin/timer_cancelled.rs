//! A timer that was taken back does not fire, and a new one replaces the old.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use core::sync::atomic::{AtomicU32, Ordering};

use kit::{Nanos, interrupts, time};

kit::guest_test!(timer_cancelled);

static FIRED: AtomicU32 = AtomicU32::new(0);

fn fired() -> u32 {
    FIRED.load(Ordering::Relaxed)
}

fn timer_cancelled() {
    time::on_alarm(|| {
        FIRED.fetch_add(1, Ordering::Relaxed);
    });
    interrupts::enable();
    interrupts::without(|| time::set_alarm(Nanos::from_millis(200)));
    time::cancel_alarm();
    time::spin(Nanos::from_millis(400));
    assert_eq!(fired(), 0, "it was cancelled");

    time::set_alarm(Nanos::from_millis(200));
    time::set_alarm(Nanos::from_millis(20));
    assert!(time::wait_until(|| fired() == 1), "the second never came");
    time::spin(Nanos::from_millis(400));
    assert_eq!(fired(), 1, "the second replaced the first");
}
