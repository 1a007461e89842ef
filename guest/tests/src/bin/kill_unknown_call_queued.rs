//! A hypercall that does not exist ends the Guest when it comes out of the ring, too.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::hypercall::Call;
use kit::{lazy, report, trespass};

kit::guest_test!(kill_unknown_call_queued);

fn kill_unknown_call_queued() {
    report::expect_kill("made hypercall 77, which does not exist");
    trespass::queue(77, [0; 3]);
    lazy::queue(Call::FLUSH_USER);
    Call::FLUSH_ASYNC.make();
}
