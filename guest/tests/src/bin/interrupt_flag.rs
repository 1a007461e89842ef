//! Interrupts are off by a store to memory, and what waited meanwhile comes the moment they are on.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use core::sync::atomic::{AtomicU32, Ordering};

use abi::lguest_data::IF;
use kit::{Nanos, interrupts, shared, time};

kit::guest_test!(interrupt_flag);

static FIRED: AtomicU32 = AtomicU32::new(0);

fn fired() -> u32 {
    FIRED.load(Ordering::Relaxed)
}

fn is_pending() -> bool {
    shared::irq_pending().load(Ordering::Relaxed) == IF
}

fn interrupt_flag() {
    time::on_alarm(|| {
        assert!(!interrupts::are_enabled(), "an interrupt gate clears the flag");
        FIRED.fetch_add(1, Ordering::Relaxed);
    });
    interrupts::disable();
    time::set_alarm(Nanos::from_millis(10));
    assert!(time::wait_until(is_pending), "the Host does not say that something waits");
    assert_eq!(fired(), 0, "the flag was off");
    interrupts::enable();
    assert_eq!(fired(), 1, "it came as soon as the flag was on");

    // Only bit 9 of the word counts: an `iret` stub stores all of EFLAGS there.
    shared::irq_enabled().store(!IF, Ordering::Relaxed);
    time::set_alarm(Nanos::from_millis(10));
    assert!(time::wait_until(is_pending));
    assert_eq!(fired(), 1, "every bit but the flag was set");
    interrupts::enable();
    assert_eq!(fired(), 2);
}
