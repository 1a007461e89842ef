//! A hypercall that does not exist ends the Guest.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::{report, trespass};

kit::guest_test!(kill_unknown_call);

fn kill_unknown_call() {
    report::expect_kill("made hypercall 11, which does not exist");
    trespass::hypercall(11, [0; 3]);
}
