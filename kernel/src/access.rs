//! What the Launcher answers for: a Guest stops in front of it, and goes on behind it.
//!
//! A write is over as soon as the Launcher knows of it. A read is not before
//! the Launcher has given the value; where that goes is remembered here.
//!
//! ```text
//!   instruction --io, mmio--> Pause::Write                   EIP is behind it already
//!                        \--> Pause::Read, and a Landing     ... and so it is here
//!   RunGuest::answer(value) --> Landing --> register
//! ```
//!
//! Invariants:
//! - A read is answered once, before anything else happens to the registers
//!   (`an_answer_counts_once_and_only_for_a_read`).
//! - A read nobody answered reads all ones (`a_read_without_an_answer_is_all_ones`).
//!
//! Source: lguest ABI, "PCI (4.0+)", "MMIO exits".
//!
//! Next on the tour: [`crate::segment`].

use abi::GuestMemory;
use switcher::GuestRegs;

use crate::debug::registers::SINGLE_STEP;
use crate::decode::{Part, Reckoning, Width};
use crate::guest::Guest;
use crate::run::Pause;

/// What is read where there is no device: the bus floats high.
pub const NO_DEVICE: u32 = u32::MAX;

/// EFLAGS.TF: a #DB after each instruction.
pub const TF: u32 = 1 << 8;
/// EFLAGS.RF, which a fault sets in the flags it saves and the next completed instruction clears.
pub const RF: u32 = 1 << 16;
/// EFLAGS bit: virtual-8086 mode.
pub const VM: u32 = 1 << 17;

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

/// What becomes of a value that is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Landing {
    /// How much is read.
    pub width: Width,
    /// What is done with it.
    pub errand: Errand,
}

/// What an instruction reads for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Errand {
    /// To have it.
    Move {
        /// Into what it goes, which may be wider.
        into: Part,
        /// The bits in between are copies of the uppermost one read, not zeroes.
        is_signed: bool,
    },
    /// To reckon with it.
    Reckon(Reckoning),
}

impl Landing {
    /// Does with `value` what is to be done with it, among `regs`.
    pub fn land(self, regs: &mut GuestRegs, value: u32) {
        match self.errand {
            Errand::Move { into, is_signed } => into.set(regs, self.extend(value, is_signed)),
            Errand::Reckon(reckoning) => reckoning.finish(regs, value, self.width),
        }
    }

    /// The low bits of `value` that were read, and above them zeroes or copies of their uppermost.
    fn extend(self, value: u32, is_signed: bool) -> u32 {
        match (self.width, is_signed) {
            (Width::Byte, true) => value as u8 as i8 as u32,
            (Width::Word, true) => value as u16 as i16 as u32,
            (width, _) => value & width.mask(),
        }
    }
}

impl<M: GuestMemory> Guest<M> {
    /// Ends the read the Guest is in, if it is in one, with the low bytes of `value`.
    pub fn answer(&mut self, value: u32) {
        if let Some(landing) = self.reading.take() {
            landing.land(&mut self.regs, value);
        }
    }

    /// Moves the Guest behind an instruction of `len` bytes that has been performed for it. If it
    /// is single-stepping, its #DB is due.
    pub fn step_over(&mut self, regs: &mut GuestRegs, len: usize) {
        regs.eip = regs.eip.wrapping_add(len as u32);
        regs.eflags &= !RF;
        self.owed_causes = if regs.eflags & TF != 0 { SINGLE_STEP } else { 0 };
    }
}
