//! HALT sleeps until the timer, turns interrupts on as it wakes, and does not sleep through an
//! interrupt that came before it.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use core::sync::atomic::{AtomicU32, Ordering};

use kit::{Nanos, hypercall, interrupts, time};

kit::guest_test!(halt_wakes);

static FIRED: AtomicU32 = AtomicU32::new(0);

fn halt_wakes() {
    time::on_alarm(|| {
        FIRED.fetch_add(1, Ordering::Relaxed);
    });
    interrupts::disable();
    let start = time::now();
    time::set_alarm(Nanos::from_millis(10));
    hypercall::halt();
    assert_eq!(FIRED.load(Ordering::Relaxed), 1, "it was handled before HALT returned");
    assert!(start.until(time::now()) >= Nanos::from_millis(10), "it did sleep");
    assert!(interrupts::are_enabled(), "the flag is on afterwards");

    interrupts::disable();
    time::set_alarm(Nanos::from_millis(10));
    time::spin(Nanos::from_millis(100));
    assert_eq!(FIRED.load(Ordering::Relaxed), 1, "the flag was off");
    hypercall::halt();
    assert_eq!(FIRED.load(Ordering::Relaxed), 2, "what was pending ends HALT at once");
}
