//! `int 0x80` before there is a gate for it is #GP with the vector in its code, in ring 3 and in
//! ring 1, and not a device's interrupt, for which vectors that high are taken otherwise.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::user::{self, Outcome, programs};
use kit::{probe, traps};

kit::guest_test!(system_call_without_gate);

/// The vector, and "in the IDT".
const CLOSED: u32 = 0x80 << 3 | 2;

fn system_call_without_gate() {
    assert_eq!(probe::system_call(), Ok(()), "ring 1 may make system calls, too");
    traps::unload_gate(0x80);
    match user::run(programs::exit_at_once(), [0; 3]) {
        Outcome::Trapped(fault) => assert_eq!((fault.vector, fault.code, fault.ring), (13, CLOSED, 3)),
        Outcome::Exited(_) => panic!("there was no gate"),
    }
    let fault = probe::system_call().expect_err("there is no gate");
    assert_eq!((fault.vector, fault.code, fault.ring), (13, CLOSED, 1));
}
