//! `int 0x80` through an *interrupt* gate cannot be direct: the Host reflects it as a trap, with the
//! flag off. Linux since 4.6 has such a gate, and it must not be taken for a device's interrupt.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::gate::GateKind;
use kit::user::{self, Outcome, programs};
use kit::{interrupts, traps};

kit::guest_test!(system_call_reflected);

fn system_call_reflected() {
    traps::load_gate(0x80, GateKind::Interrupt, 3);
    user::on_system_call(|frame| {
        assert!(!interrupts::are_enabled(), "an interrupt gate clears the flag");
        frame.eax = frame.ebx + 1;
    });
    assert_eq!(user::run(programs::call_once(), [2, 41, 0]), Outcome::Exited(42));
}
