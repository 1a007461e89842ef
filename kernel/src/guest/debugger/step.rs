//! One instruction, executed for a debugger with the CPU's own means.
//!
//! EFLAGS.TF makes the CPU raise #DB behind an instruction. The Guest must not
//! see it there: whatever stores EFLAGS or loads them is told apart before it
//! is executed, and put right after.
//!
//! Invariants:
//! - A Guest's own TF is what it has set itself, stepped or not
//!   (`a_guest_sees_only_its_own_trap_flag`, in the run loop's tests).
//!
//! Source: Intel SDM Vol. 2, "PUSHF/PUSHFD", "POPF/POPFD", "IRET/IRETD"; Vol. 3,
//! "Single-Step Exception Condition".
//!
//! Next on the tour: [`super`].

use abi::GuestLinear;
use switcher::GuestRegs;

/// Bytes in the longest instruction.
const LONGEST: usize = 15;

/// What an instruction does with EFLAGS as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flags {
    /// Nothing.
    Kept,
    /// Loads them: `popf`, `iret`.
    Loaded,
    /// Pushes them: `pushf`.
    Pushed,
}

/// An instruction to be executed alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// Where it is.
    pub from: GuestLinear,
    /// Where the stack ends before it.
    esp: u32,
    /// What it does with EFLAGS.
    pub flags: Flags,
}

impl From<&GuestRegs> for Step {
    /// The instruction that is next; what it does with EFLAGS is found out when it is about to be
    /// executed.
    fn from(regs: &GuestRegs) -> Self {
        Self { from: GuestLinear(regs.eip), esp: regs.esp, flags: Flags::Kept }
    }
}

impl Step {
    /// Whether it is behind a Guest with these registers. A handler may begin where the instruction
    /// is, but then there is a frame on the stack.
    pub const fn is_behind(&self, regs: &GuestRegs) -> bool {
        self.from.0 != regs.eip || self.esp != regs.esp
    }
}

impl Flags {
    /// What the instruction does that `code` begins with.
    pub fn of(code: impl Iterator<Item = u8>) -> Self {
        let is_prefix = |byte: &u8| {
            matches!(byte, 0x66 | 0x67 | 0x26 | 0x2E | 0x36 | 0x3E | 0x64 | 0x65 | 0xF0 | 0xF2 | 0xF3)
        };
        match code.take(LONGEST).find(|byte| !is_prefix(byte)) {
            Some(0x9D | 0xCF) => Self::Loaded,
            Some(0x9C) => Self::Pushed,
            Some(_) | None => Self::Kept,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_are_told_apart_behind_their_prefixes() {
        let of = |code: &[u8]| Flags::of(code.iter().copied());
        assert_eq!(of(&[0x9D]), Flags::Loaded);
        assert_eq!(of(&[0x66, 0xCF]), Flags::Loaded);
        assert_eq!(of(&[0xF3, 0x66, 0x9C]), Flags::Pushed);
        assert_eq!((of(&[0x90]), of(&[]), of(&[0x66; 20])), (Flags::Kept, Flags::Kept, Flags::Kept));
    }
}
