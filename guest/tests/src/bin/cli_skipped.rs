//! `cli` at ring 1 is skipped, and changes neither the virtual flag nor the real one: some kernels
//! have it in code they share with real machines.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use core::sync::atomic::{AtomicU32, Ordering};

use kit::{Nanos, interrupts, probe, time};

kit::guest_test!(cli_skipped);

static FIRED: AtomicU32 = AtomicU32::new(0);

fn cli_skipped() {
    time::on_alarm(|| {
        FIRED.fetch_add(1, Ordering::Relaxed);
    });
    interrupts::enable();
    assert_eq!(probe::cli(), Ok(()));
    assert!(interrupts::are_enabled());
    time::set_alarm(Nanos::from_millis(10));
    assert!(time::wait_until(|| FIRED.load(Ordering::Relaxed) == 1), "interrupts no longer come");
}
