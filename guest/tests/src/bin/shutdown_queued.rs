//! A power-off in the ring is a power-off; what was queued behind it is not carried out.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::hypercall::{LHCALL_SHUTDOWN, SHUTDOWN_POWEROFF};
use kit::hypercall::Call;
use kit::{println, trespass};

kit::guest_test!(shutdown_queued);

/// Zeroes: no last words.
const NO_TEXT: u32 = 0x2000;

fn shutdown_queued() {
    println!("test: PASS shutdown_queued");
    trespass::queue(LHCALL_SHUTDOWN, [NO_TEXT, SHUTDOWN_POWEROFF, 0]);
    trespass::queue(99, [0; 3]); // would be a kill
    Call::FLUSH_ASYNC.make();
    panic!("still running");
}
