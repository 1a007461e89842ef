//! The timer fires once, not before its time.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use core::sync::atomic::{AtomicU32, Ordering};

use kit::{Nanos, interrupts, time};

kit::guest_test!(timer_one_shot);

static FIRED: AtomicU32 = AtomicU32::new(0);

fn timer_one_shot() {
    time::on_alarm(|| {
        FIRED.fetch_add(1, Ordering::Relaxed);
    });
    interrupts::enable();
    let start = time::now();
    time::set_alarm(Nanos::from_millis(5));
    assert!(time::wait_until(|| FIRED.load(Ordering::Relaxed) > 0), "it never fired");
    let took = start.until(time::now());
    assert!(took >= Nanos::from_millis(5), "it fired after {} ns", took.0);
    time::spin(Nanos::from_millis(30));
    assert_eq!(FIRED.load(Ordering::Relaxed), 1, "one shot");
}
