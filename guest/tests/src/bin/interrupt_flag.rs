//! Interrupts are off by a store to memory, and what waited meanwhile comes the moment they are on;
//! in layout A, which has no word to say that something waits, it comes soon after.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use core::sync::atomic::{AtomicU32, Ordering};

use abi::lguest_data::IF;
use kit::{Nanos, interrupts, shared, time};

const DELAY: Nanos = Nanos::from_millis(10);

kit::guest_test!(interrupt_flag);

static FIRED: AtomicU32 = AtomicU32::new(0);

fn fired() -> u32 {
    FIRED.load(Ordering::Relaxed)
}

/// Sets the alarm and waits until the Host says that it waits, or surely does.
fn set_alarm_until_pending() {
    time::set_alarm(DELAY);
    match shared::irq_pending() {
        Some(word) => {
            assert!(time::wait_until(|| word.load(Ordering::Relaxed) == IF), "nobody says it waits")
        }
        None => time::spin(Nanos(3 * DELAY.0)),
    }
}

/// Turns interrupts on; sees that the alarm comes, and when.
fn enable_and_count(count: u32) {
    interrupts::enable();
    if shared::irq_pending().is_some() {
        assert_eq!(fired(), count, "it came as soon as the flag was on");
    }
    assert!(time::wait_until(|| fired() == count), "it never came");
}

fn interrupt_flag() {
    time::on_alarm(|| {
        assert!(!interrupts::are_enabled(), "an interrupt gate clears the flag");
        FIRED.fetch_add(1, Ordering::Relaxed);
    });
    interrupts::disable();
    set_alarm_until_pending();
    assert_eq!(fired(), 0, "the flag was off");
    enable_and_count(1);

    // Only bit 9 of the word counts: an `iret` stub stores all of EFLAGS there.
    shared::irq_enabled().store(!IF, Ordering::Relaxed);
    set_alarm_until_pending();
    assert_eq!(fired(), 1, "every bit but the flag was set");
    enable_and_count(2);
}
