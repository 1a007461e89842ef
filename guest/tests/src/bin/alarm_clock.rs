//! Sleeps until its own alarm, five times, and says how long each nap was.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use core::sync::atomic::{AtomicU32, Ordering};

use kit::{Nanos, hypercall, interrupts, println, time};

kit::guest_test!(alarm_clock);

const NAP: Nanos = Nanos::from_millis(20);

static RINGS: AtomicU32 = AtomicU32::new(0);

fn alarm_clock() {
    time::on_alarm(|| {
        RINGS.fetch_add(1, Ordering::Relaxed);
    });
    for nap in 1..=5 {
        interrupts::disable();
        let start = time::now();
        time::set_alarm(NAP);
        hypercall::halt();
        let Nanos(slept) = start.until(time::now());
        println!("nap {nap}: asked for 20 ms, slept {} us", slept / 1000);
        assert_eq!(RINGS.load(Ordering::Relaxed), nap, "one alarm, one nap");
        assert!(slept >= NAP.0, "woken too early");
    }
}
