//! IN and OUT mean the same behind prefixes that change nothing about them: segment overrides and
//! the address size; only the operand size counts. String I/O and ring 3 get the #GP itself.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::probe;
use kit::user::{self, Outcome, programs};

kit::guest_test!(ports_prefixed);

fn ports_prefixed() {
    assert_eq!(probe::in_with_prefixes(), Ok([0xFFFF, 0xFFFF_FFFF, 0xFF, 0xFFFF]));
    assert_eq!(probe::out_with_prefixes(), Ok(()));
    let fault = probe::out_string().expect_err("nobody emulates string I/O");
    assert_eq!((fault.vector, fault.code, fault.ring), (13, 0, 1));
    match user::run(programs::port_with_prefixes(), [0; 3]) {
        Outcome::Trapped(fault) => assert_eq!((fault.vector, fault.code, fault.ring), (13, 0, 3)),
        Outcome::Exited(_) => panic!("ring 3 has read a port"),
    }
}
