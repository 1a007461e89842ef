//! INIT never goes through the ring: there it is a second one.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::hypercall::LHCALL_LGUEST_INIT;
use kit::hypercall::Call;
use kit::{report, trespass};

kit::guest_test!(kill_init_queued);

fn kill_init_queued() {
    report::expect_kill("made LGUEST_INIT a second time");
    trespass::queue(LHCALL_LGUEST_INIT, [0x10_0000, 0, 0]);
    Call::FLUSH_ASYNC.make();
}
