//! A Guest that never sleeps, keeps its interrupts off and lets one wait for ever: nothing it does
//! not do gives it more than its share.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kennel_guest_tests::for_a_while;
use kit::{Nanos, interrupts, time};

kit::guest_test!(hostile_spin);

fn hostile_spin() {
    interrupts::disable();
    time::on_alarm(|| panic!("the flag was off"));
    interrupts::disable();
    time::set_alarm(Nanos::from_millis(1));
    for_a_while(core::hint::spin_loop);
    time::cancel_alarm();
    interrupts::block(time::TIMER_LINE);
}
