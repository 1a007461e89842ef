//! Flags that a handler returns with give nobody I/O privilege: not ring 3, which then tries `cli`
//! and a port, and not ring 1, whose `cli` leaves the timer ticking.
//!
//! The original Host once loaded flags from such a frame as they were (weakness 1): IOPL 3 and a
//! `cli` that held.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::gate::GateKind;
use kit::traps::{self, TrapFrame, Verdict};
use kit::trespass::{IOPL, with_flags};
use kit::user::{self, Outcome, programs};
use kit::{Nanos, interrupts, probe, time};

kit::guest_test!(io_privilege);

fn io_privilege() {
    traps::handle(3, |frame: &mut TrapFrame| {
        frame.eflags |= IOPL;
        Verdict::Resume
    });
    for kind in [GateKind::Interrupt, GateKind::Trap] {
        traps::load_gate(3, kind, 3);
        for program in [programs::breakpoint_and_cli(), programs::breakpoint_and_port()] {
            match user::run(program, [0; 3]) {
                Outcome::Trapped(fault) => assert_eq!((fault.vector, fault.code, fault.ring), (13, 0, 3)),
                Outcome::Exited(_) => panic!("ring 3 has I/O privilege"),
            }
        }
    }
    time::start_ticking(Nanos::from_millis(1));
    interrupts::enable();
    with_flags(IOPL, || {
        assert_eq!(probe::cli(), Ok(()), "skipped, as ever");
        assert!(time::wait_until(|| time::ticks() > 3), "the real flag was turned off");
        assert_eq!(probe::in_all_widths(), Ok((0xFF, 0xFFFF, 0xFFFF_FFFF)), "still no port is there");
    });
}
