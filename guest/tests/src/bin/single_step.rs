//! A Guest that single-steps into a hypercall steps in itself, not in the Host.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use core::sync::atomic::{AtomicU32, Ordering};

use kit::traps::{self, TrapFrame, Verdict};
use kit::trespass::{TF, single_step_a_call};

kit::guest_test!(single_step);

static STEPS: AtomicU32 = AtomicU32::new(0);

fn single_step() {
    traps::handle(1, |frame: &mut TrapFrame| {
        assert_eq!(frame.cs & 3, 1, "the step was taken at ring 1");
        STEPS.fetch_add(1, Ordering::Relaxed);
        frame.eflags &= !TF;
        Verdict::Resume
    });
    single_step_a_call();
    assert_eq!(STEPS.load(Ordering::Relaxed), 1);
}
