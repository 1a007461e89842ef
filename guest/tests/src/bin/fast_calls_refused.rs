//! SYSENTER and SYSCALL lead nowhere, from ring 1 and from ring 3, with NT set or not: the way into
//! the Host is `int 0x1f` alone. On a CPU that has them they find an entry point of 0, or none;
//! on one that has not, they are undefined. Performance counters are refused likewise. Weakness 10 of the original Host.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::probe;
use kit::traps::Exception;
use kit::trespass::{NT, with_flags};
use kit::user::{self, Outcome, programs};

kit::guest_test!(fast_calls_refused);

fn fast_calls_refused() {
    for flags in [0, NT] {
        check(with_flags(flags, probe::sysenter).expect_err("SYSENTER from ring 1"), 1);
        check(with_flags(flags, probe::syscall).expect_err("SYSCALL from ring 1"), 1);
    }
    check(probe::rdpmc().expect_err("a performance counter"), 1);
    for program in [programs::sysenter(), programs::syscall()] {
        match user::run(program, [0; 3]) {
            Outcome::Trapped(fault) => check(fault, 3),
            Outcome::Exited(_) => panic!("it came back"),
        }
    }
}

fn check(fault: Exception, ring: u8) {
    assert!(matches!((fault.vector, fault.code), (6 | 13, 0)), "{fault}");
    assert_eq!(fault.ring, ring);
}
