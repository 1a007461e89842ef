//! `iret` with NT set asks the CPU for the task that was interrupted. The TSS a Guest runs on is the
//! Switcher's and names none: that is #TS for the Guest, and no way to another task.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::gate::GateKind;
use kit::{interrupts, probe, traps};

kit::guest_test!(nested_task_iret);

fn nested_task_iret() {
    interrupts::enable(); // a direct trap pushes the real flag, which is on
    for kind in [GateKind::Interrupt, GateKind::Trap] {
        traps::load_gate(10, kind, 0);
        let fault = probe::nested_iret().expect_err("nobody was interrupted");
        assert_eq!((fault.vector, fault.code, fault.ring), (10, 0, 1), "{kind:?}");
    }
}
