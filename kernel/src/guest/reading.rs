//! A read that only the Launcher can answer, and what becomes of the value.
//!
//! A write is over as soon as the Launcher knows of it. A read is not before
//! the Launcher has given the value; where that goes is remembered here.
//!
//! ```text
//!   instruction --emulated--> Pause::Write                   EIP is behind it already
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
//! Next on the tour: [`super::segment`].

use abi::Width;
use switcher::GuestRegs;

use crate::decode::{Part, Reckoning};

/// What is read where there is no device: the bus floats high.
pub const NO_DEVICE: u32 = u32::MAX;

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
