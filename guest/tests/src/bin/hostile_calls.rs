//! A flood of hypercalls, one after the other, those included that do nothing but leave the Guest.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kennel_guest_tests::for_a_while;
use kit::hypercall::Call;

kit::guest_test!(hostile_calls);

fn hostile_calls() {
    let rounds = for_a_while(|| {
        for call in [Call::FLUSH_ASYNC, Call::SEND_INTERRUPTS, Call::ts(true), Call::ts(false)] {
            (0..16).for_each(|_| call.make());
        }
    });
    assert!(rounds > 10);
}
