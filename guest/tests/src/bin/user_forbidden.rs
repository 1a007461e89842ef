//! Ring 3 may neither make a hypercall nor turn interrupts off: both are #GP, and the kernel hears
//! of it.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::user::{self, Outcome, programs};

kit::guest_test!(user_forbidden);

/// Error code of `int 0x1f` through a gate closed to ring 3: the vector, and "in the IDT".
const CLOSED_DOOR: u32 = 0x1F << 3 | 2;

fn user_forbidden() {
    for (program, code) in [(programs::hypercall(), CLOSED_DOOR), (programs::cli(), 0)] {
        match user::run(program, [0; 3]) {
            Outcome::Trapped(fault) => assert_eq!((fault.vector, fault.code, fault.ring), (13, code, 3)),
            Outcome::Exited(_) => panic!("ring 3 was allowed to"),
        }
    }
}
