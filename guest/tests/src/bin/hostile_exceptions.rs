//! An exception that is never dealt with: its handler returns to the very instruction, again and
//! again, with and without the Host in between.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kennel_guest_tests::number;
use kit::gate::GateKind;
use kit::local::Local;
use kit::traps::{self, TrapFrame, Verdict};
use kit::{Nanos, interrupts, probe, time};

kit::guest_test!(hostile_exceptions);

static END: Local<Nanos> = Local::new(Nanos(0));

fn hostile_exceptions() {
    interrupts::enable(); // a direct trap pushes the real flag, which is on
    for kind in [GateKind::Interrupt, GateKind::Trap] {
        traps::load_gate(6, kind, 0);
        traps::handle(6, return_to_it);
        END.set(time::now().after(Nanos::from_millis(u64::from(number("for", 50)) / 2)));
        let undefined = probe::ud2().expect_err("an undefined instruction");
        assert_eq!((undefined.vector, undefined.ring), (6, 1), "{kind:?}");
    }
}

fn return_to_it(_: &mut TrapFrame) -> Verdict {
    if time::now() < END.get() { Verdict::Resume } else { Verdict::Decline }
}
