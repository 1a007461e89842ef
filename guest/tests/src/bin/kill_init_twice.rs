//! A second INIT ends the Guest.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::hypercall::LHCALL_LGUEST_INIT;
use kit::{report, trespass};

kit::guest_test!(kill_init_twice);

fn kill_init_twice() {
    report::expect_kill("made LGUEST_INIT a second time");
    trespass::hypercall(LHCALL_LGUEST_INIT, [0x10_0000, 0, 0]);
}
