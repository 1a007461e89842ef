//! What becomes of an instruction that is performed for a Guest.
//!
//! Next on the tour: [`super::io`].

use switcher::GuestRegs;

use crate::cpu::eflags::{RF, TF};
use crate::cpu::pause::Pause;
use crate::guest::Guest;
use crate::guest::debug_registers::SINGLE_STEP;

/// What became of an instruction that faulted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "a fault that is not ours goes to the Guest"]
pub enum Emulation {
    /// Performed; the Guest goes on behind it.
    Done,
    /// It reads or writes what the Launcher answers for, and has to stop.
    Leaves(Pause),
    /// Untouched: the fault is the Guest's own.
    NotOurs,
}

impl<M> Guest<M> {
    /// Moves the Guest behind an instruction of `len` bytes that has been performed for it. If it
    /// is single-stepping, its #DB is due.
    pub fn step_over(&mut self, regs: &mut GuestRegs, len: usize) {
        regs.eip = regs.eip.wrapping_add(len as u32);
        regs.eflags &= !RF;
        self.owed_causes = if regs.eflags & TF != 0 { SINGLE_STEP } else { 0 };
    }
}
