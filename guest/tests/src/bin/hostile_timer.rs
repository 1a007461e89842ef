//! A flood of timers: one nanosecond each, set again before it can fire and in its own handler.
//! Weakness 11 of the original Host.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use core::sync::atomic::{AtomicU32, Ordering};

use kennel_guest_tests::for_a_while;
use kit::{Nanos, hypercall, interrupts, time};

kit::guest_test!(hostile_timer);

const SHORTEST: Nanos = Nanos(1);

static FIRED: AtomicU32 = AtomicU32::new(0);

fn hostile_timer() {
    time::on_alarm(|| {
        FIRED.fetch_add(1, Ordering::Relaxed);
        time::set_alarm(SHORTEST);
    });
    interrupts::enable();
    let rounds = for_a_while(|| {
        time::set_alarm(SHORTEST);
        hypercall::halt();
    });
    assert!(FIRED.load(Ordering::Relaxed) >= rounds, "each HALT was ended by the timer");
}
