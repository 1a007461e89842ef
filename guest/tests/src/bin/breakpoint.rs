//! `int3` from ring 3 reaches the kernel as vector 3, behind the instruction; a vector that is not
//! open to ring 3 raises #GP instead.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::traps::{self, TrapFrame, Verdict};
use kit::user::{self, Outcome, programs};

kit::guest_test!(breakpoint);

fn breakpoint() {
    traps::handle(3, resume);
    assert_eq!(user::run(programs::breakpoint(), [0; 3]), Outcome::Exited(7));
    traps::unhandle(3);
    traps::load_gate(3, kit::gate::GateKind::Interrupt, 0);
    match user::run(programs::breakpoint(), [0; 3]) {
        Outcome::Trapped(fault) => assert_eq!((fault.vector, fault.code), (13, 3 << 3 | 2)),
        Outcome::Exited(_) => panic!("the gate was closed to ring 3"),
    }
}

fn resume(frame: &mut TrapFrame) -> Verdict {
    assert_eq!((frame.eip, frame.cs), (user::CODE_AT.0 + 1, 0x73), "behind the instruction");
    Verdict::Resume
}
