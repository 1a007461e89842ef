//! A kick beyond everything the Guest has ends it.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::hypercall::Call;
use kit::{GuestPhys, report};

kit::guest_test!(kill_notify_nowhere);

fn kill_notify_nowhere() {
    report::expect_kill("notified 0xff000000, where no device is");
    Call::notify(GuestPhys(0xFF00_0000)).make();
}
