//! The Host never interrupts inside the `iret` stub, where the flag is already on but the old
//! frame is still on the stack.
//!
//! Many traps and a fast timer: had the Host no eye for the range, some of the interrupts would
//! land in it.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use core::sync::atomic::{AtomicU32, Ordering};

use kit::{GuestLinear, Nanos, interrupts, probe, shared, time};

kit::guest_test!(iret_not_interrupted);

const PERIOD: Nanos = Nanos::from_micros(200);
const TICKS: u32 = 400;

static INSIDE: AtomicU32 = AtomicU32::new(0);
static TOTAL: AtomicU32 = AtomicU32::new(0);

fn iret_not_interrupted() {
    time::on_alarm(|| {
        let inside = shared::noirq().contains(&interrupts::interrupted_at().0);
        INSIDE.fetch_add(inside.into(), Ordering::Relaxed);
        TOTAL.fetch_add(1, Ordering::Relaxed);
        time::set_alarm(PERIOD);
    });
    interrupts::enable();
    time::set_alarm(PERIOD);
    while TOTAL.load(Ordering::Relaxed) < TICKS {
        assert!(probe::read(GuestLinear(0x1000)).is_err(), "nothing is mapped there");
    }
    assert_eq!(INSIDE.load(Ordering::Relaxed), 0, "interrupts inside the stub, of {TICKS}");
}
