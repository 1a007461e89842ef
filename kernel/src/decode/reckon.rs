//! Reckoning with what was read: results and flags of the simple arithmetic.
//!
//! A compiler that reads a register to compare it does both in one
//! instruction, and whoever performs the read has to do the rest.
//!
//! ```text
//!  opcode  00 how 0 1 w   register <- register how memory
//!          00 111 0 0 w   memory compared with a register
//!  80 to 83, how 7        memory compared with a number
//!  84 85, F6 F7 how 0     memory tested for a register's or a number's bits
//! ```
//!
//! Invariants: results and flags are those of the CPU
//! (`results_and_flags_are_the_cpu_s`, in `kernel/tests`), and no other flag changes
//! (`other_flags_stay`).
//!
//! Source: Intel SDM Vol. 2, "ADD" to "XOR", "CMP", "TEST"; Vol. 1, "Status
//! Flags".
//!
//! Next on the tour: [`crate::emulate::mmio`].

use switcher::GuestRegs;

use super::{Part, Source, Width};

/// EFLAGS.CF.
const CF: u32 = 1 << 0;
/// EFLAGS.PF.
const PF: u32 = 1 << 2;
/// EFLAGS.AF.
const AF: u32 = 1 << 4;
/// EFLAGS.ZF.
const ZF: u32 = 1 << 6;
/// EFLAGS.SF.
const SF: u32 = 1 << 7;
/// EFLAGS.OF.
const OF: u32 = 1 << 11;
/// All that arithmetic sets.
const STATUS: u32 = CF | PF | AF | ZF | SF | OF;

/// The simple arithmetic, in the order of its number in an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arithmetic {
    /// 0.
    Add,
    /// 1.
    Or,
    /// 2: with carry.
    Adc,
    /// 3: with borrow.
    Sbb,
    /// 4.
    And,
    /// 5.
    Sub,
    /// 6.
    Xor,
    /// 7: a subtraction of which only the flags count.
    Cmp,
}

/// What is done with a value that is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reckoning {
    /// What.
    pub how: Arithmetic,
    /// With what.
    pub value: Source,
    /// What is read comes first, and `value` second.
    pub is_read_first: bool,
    /// Where the result goes; only its flags count otherwise.
    pub into: Option<Part>,
}

impl Arithmetic {
    /// The one that three bits of an instruction name.
    pub(super) fn numbered(low: u8) -> Self {
        use Arithmetic::{Adc, Add, And, Cmp, Or, Sbb, Sub, Xor};
        [Add, Or, Adc, Sbb, And, Sub, Xor, Cmp][usize::from(low & 7)]
    }

    /// The result for two values of `width`, and EFLAGS behind it.
    fn of(self, [first, second]: [u32; 2], eflags: u32, width: Width) -> (u32, u32) {
        let (first, second) = (first & width.mask(), second & width.mask());
        let sign = width.mask() ^ width.mask() >> 1;
        let carry = u64::from(eflags & CF);
        let (wide, overflow) = match self {
            Self::Or => ((first | second).into(), 0),
            Self::And => ((first & second).into(), 0),
            Self::Xor => ((first ^ second).into(), 0),
            Self::Add | Self::Adc => {
                let carry = if self == Self::Adc { carry } else { 0 };
                let sum = u64::from(first) + u64::from(second) + carry;
                (sum, !(first ^ second) & (first ^ sum as u32))
            }
            Self::Sub | Self::Sbb | Self::Cmp => {
                let borrow = if self == Self::Sbb { carry } else { 0 };
                let rest = u64::from(first).wrapping_sub(second.into()).wrapping_sub(borrow);
                (rest, (first ^ second) & (first ^ rest as u32))
            }
        };
        let result = wide as u32 & width.mask();
        let is_logic = matches!(self, Self::Or | Self::And | Self::Xor);
        let flags = [
            (CF, wide & !u64::from(width.mask()) != 0),
            (PF, (result as u8).count_ones().is_multiple_of(2)),
            (AF, !is_logic && (first ^ second ^ result) & 0x10 != 0),
            (ZF, result == 0),
            (SF, result & sign != 0),
            (OF, overflow & sign != 0),
        ];
        let set = flags.into_iter().filter(|(_, is_set)| *is_set).fold(0, |set, (flag, _)| set | flag);
        (result, eflags & !STATUS | set)
    }
}

impl Reckoning {
    /// Goes on with `read`, of `width`, among `regs`.
    pub fn finish(self, regs: &mut GuestRegs, read: u32, width: Width) {
        let value = self.value.get(regs);
        let operands = if self.is_read_first { [read, value] } else { [value, read] };
        let (result, eflags) = self.how.of(operands, regs.eflags, width);
        regs.eflags = eflags;
        if let Some(into) = self.into {
            into.set(regs, result);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Register;

    #[test]
    fn other_flags_stay() {
        for eflags in [0, u32::MAX] {
            let (_, after) = Arithmetic::Sub.of([1, 2], eflags, Width::Dword);
            assert_eq!(after & !STATUS, eflags & !STATUS);
        }
    }

    #[test]
    fn what_is_read_may_be_first_or_second() {
        let value = Source::Part(Part::of_eax(Width::Byte));
        let into = Some(Part { register: Register::Ecx, width: Width::Byte, is_high: false });
        for (is_read_first, ecx) in [(true, 0x0902), (false, 0x09FE)] {
            let mut regs = GuestRegs { eax: 0x103, ecx: 0x900, ..GuestRegs::ZERO };
            Reckoning { how: Arithmetic::Sub, value, is_read_first, into }.finish(&mut regs, 5, Width::Byte);
            assert_eq!(regs.ecx, ecx);
        }
    }
}
