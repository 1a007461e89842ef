//! A load of SS holds debug exceptions off for one instruction. If that one enters the Host, a
//! single step must not end up there (XSA-260); nor in the kernel's system call with the stack
//! half switched.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use core::sync::atomic::{AtomicU32, Ordering};

use kit::traps::{self, TrapFrame, Verdict};
use kit::trespass::{TF, call_behind_mov_ss};
use kit::user::{self, Outcome, programs};

kit::guest_test!(mov_ss_shadow);

static STEPS: [AtomicU32; 4] = [const { AtomicU32::new(0) }; 4];

fn steps(ring: usize) -> u32 {
    STEPS[ring].load(Ordering::Relaxed)
}

fn mov_ss_shadow() {
    traps::handle(1, |frame: &mut TrapFrame| {
        STEPS[frame.cs as usize % 4].fetch_add(1, Ordering::Relaxed);
        frame.eflags &= !TF;
        Verdict::Resume
    });
    for round in 1..=3 {
        call_behind_mov_ss();
        assert_eq!(steps(1), round, "one step, taken where it belongs");
    }
    assert_eq!(user::run(programs::call_behind_mov_ss(), [0; 3]), Outcome::Exited(7));
    assert_eq!((steps(0), steps(1), steps(3)), (0, 3, 1));
}
