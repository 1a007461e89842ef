//! A Guest's FPU and SSE registers, in the form in which the CPU stores them.
//!
//! FXSAVE and FNSAVE keep the same registers in different places. Here each
//! register has a name, and is read and written as a number, whichever of the
//! two instructions has stored it.
//!
//! ```text
//!   FNSAVE, 108 bytes   control 0  status 4  tags 8  eip 12  cs 16  opcode 18  operand 20  ds 24
//!                       st0..st7 from 28, 10 bytes each
//!   FXSAVE, 512 bytes   control 0  status 2  tags 4  opcode 6  eip 8  cs 12  operand 16  ds 20
//!                       mxcsr 24  mask 28  st0..st7 from 32, xmm0..xmm7 from 160, 16 bytes each
//! ```
//!
//! FNSAVE has two bits of tag for each register: valid, zero, special, empty.
//! FXSAVE has one, which says whether it is empty; the rest follows from what
//! is in the register.
//!
//! Invariants:
//! - No value makes an image that the CPU refuses to load
//!   (`reserved_bits_of_mxcsr_stay_clear`).
//! - What is written is read again (`each_register_has_a_place_of_its_own`).
//!
//! Source: Intel SDM Vol. 1, "Saving the x87 FPU's State with FSTENV/FNSTENV and FSAVE/FNSAVE",
//! "FXSAVE and FXRSTOR"; Vol. 2, "FXSAVE".
//!
//! Next on the tour: [`crate::cpu::exit`].

/// Bytes of the longer of the two images.
pub const IMAGE_LEN: usize = 512;
/// Bits of MXCSR that every CPU with SSE has; a mask of zero means these.
const MXCSR_DEFAULT_MASK: u32 = 0xFFBF;
/// A register's tag: there is a number in it, ...
const TAG_VALID: u16 = 0;
/// ... a zero, ...
const TAG_ZERO: u16 = 1;
/// ... an infinity, a NaN or a denormal, ...
const TAG_SPECIAL: u16 = 2;
/// ... or nothing.
const TAG_EMPTY: u16 = 3;

/// Which instructions save the state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// FNSAVE and FRSTOR: the x87 FPU alone.
    X87,
    /// FXSAVE and FXRSTOR: with SSE.
    Fx,
}

/// A register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Register {
    /// `st0` to `st7`, counted from the top of the stack: 80 bits.
    Stack(u8),
    /// The control word.
    Control,
    /// The status word.
    Status,
    /// The tag word, two bits a register.
    Tags,
    /// CS at the last instruction, ...
    CodeSegment,
    /// ... its EIP, ...
    CodeOffset,
    /// ... the segment of its operand, ...
    DataSegment,
    /// ... where in it that is, ...
    DataOffset,
    /// ... and the lower eleven bits of its opcode.
    Opcode,
    /// `xmm0` to `xmm7`: 128 bits.
    Xmm(u8),
    /// Control and status of SSE.
    Mxcsr,
}

/// All FPU and SSE registers of a Guest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Image {
    /// Which instruction stores them like this.
    pub kind: Kind,
    /// What it stores; FNSAVE uses the first 108 of these bytes.
    pub bytes: [u8; IMAGE_LEN],
}

impl Image {
    /// The value of `register`; 0 if the image has no such register.
    pub fn get(&self, register: Register) -> u128 {
        match (self.kind, register) {
            (Kind::Fx, Register::Tags) => self.full_tags().into(),
            (_, Register::Opcode) => self.stored(register) & 0x7FF,
            _ => self.stored(register),
        }
    }

    /// Gives `register` a value, of which the lower bits count, as many as it has.
    pub fn set(&mut self, register: Register, value: u128) {
        let value = match (self.kind, register) {
            (Kind::Fx, Register::Tags) => u128::from(abridged(value as u16)),
            (_, Register::Mxcsr) => value & u128::from(self.mxcsr_mask()),
            (_, Register::Opcode) => value & 0x7FF,
            _ => value,
        };
        if let Some((at, len)) = place(self.kind, register) {
            self.bytes[at..at + len].copy_from_slice(&value.to_le_bytes()[..len]);
        }
    }

    fn stored(&self, register: Register) -> u128 {
        let mut value = [0; 16];
        if let Some((at, len)) = place(self.kind, register) {
            value[..len].copy_from_slice(&self.bytes[at..at + len]);
        }
        u128::from_le_bytes(value)
    }

    /// The bits of MXCSR that this CPU has.
    fn mxcsr_mask(&self) -> u32 {
        let stored = u32::from_le_bytes([28, 29, 30, 31].map(|at| self.bytes[at]));
        if stored == 0 { MXCSR_DEFAULT_MASK } else { stored }
    }

    /// The tag word as FNSAVE would store it.
    fn full_tags(&self) -> u16 {
        let (used, top) = (self.stored(Register::Tags), self.stored(Register::Status) >> 11 & 7);
        (0..8_u8).fold(0, |tags, physical| {
            let from_top = (physical.wrapping_sub(top as u8)) & 7;
            let tag = match used >> physical & 1 {
                0 => TAG_EMPTY,
                _ => tag(self.stored(Register::Stack(from_top))),
            };
            tags | tag << (2 * physical)
        })
    }
}

/// The tag of a register with `value` in it.
const fn tag(value: u128) -> u16 {
    let (exponent, fraction) = (value >> 64 & 0x7FFF, value as u64);
    match (exponent, fraction) {
        (0, 0) => TAG_ZERO,
        (0 | 0x7FFF, _) => TAG_SPECIAL,
        (_, fraction) if fraction >> 63 == 0 => TAG_SPECIAL,
        _ => TAG_VALID,
    }
}

/// The tag word as FXSAVE stores it: a bit for each register that is not empty.
fn abridged(tags: u16) -> u8 {
    (0..8).fold(0, |bits, physical| bits | u8::from(tags >> (2 * physical) & 3 != TAG_EMPTY) << physical)
}

/// Offset and length of a register in an image.
fn place(kind: Kind, register: Register) -> Option<(usize, usize)> {
    let numbered = |number: u8, first, size| first + usize::from(number & 7) * size;
    Some(match (kind, register) {
        (Kind::X87, Register::Stack(number)) => (numbered(number, 28, 10), 10),
        (Kind::X87, Register::Control) => (0, 2),
        (Kind::X87, Register::Status) => (4, 2),
        (Kind::X87, Register::Tags) => (8, 2),
        (Kind::X87, Register::CodeOffset) => (12, 4),
        (Kind::X87, Register::CodeSegment) => (16, 2),
        (Kind::X87, Register::Opcode) => (18, 2),
        (Kind::X87, Register::DataOffset) => (20, 4),
        (Kind::X87, Register::DataSegment) => (24, 2),
        (Kind::X87, Register::Xmm(_) | Register::Mxcsr) => return None,
        (Kind::Fx, Register::Stack(number)) => (numbered(number, 32, 16), 10),
        (Kind::Fx, Register::Control) => (0, 2),
        (Kind::Fx, Register::Status) => (2, 2),
        (Kind::Fx, Register::Tags) => (4, 1),
        (Kind::Fx, Register::Opcode) => (6, 2),
        (Kind::Fx, Register::CodeOffset) => (8, 4),
        (Kind::Fx, Register::CodeSegment) => (12, 2),
        (Kind::Fx, Register::DataOffset) => (16, 4),
        (Kind::Fx, Register::DataSegment) => (20, 2),
        (Kind::Fx, Register::Mxcsr) => (24, 4),
        (Kind::Fx, Register::Xmm(number)) => (numbered(number, 160, 16), 16),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: u128 = 0x3FFF << 64 | 1 << 63;
    const INFINITY: u128 = 0x7FFF << 64 | 1 << 63;

    fn empty(kind: Kind) -> Image {
        Image { kind, bytes: [0; IMAGE_LEN] }
    }

    #[test]
    fn each_register_has_a_place_of_its_own() {
        use Register::*;
        let words = [Control, Status, CodeSegment, CodeOffset, DataSegment, DataOffset, Opcode];
        let numbered = (0..8).flat_map(|number| [Stack(number), Xmm(number)]);
        for kind in [Kind::X87, Kind::Fx] {
            let mut image = empty(kind);
            let all: Vec<Register> = words.into_iter().chain(numbered.clone()).collect();
            let there = all.into_iter().filter(|&register| place(kind, register).is_some());
            let values: Vec<_> = there.zip(0x301_u128..).collect();
            values.iter().for_each(|&(register, value)| image.set(register, value));
            values
                .iter()
                .for_each(|&(register, value)| assert_eq!(image.get(register), value, "{register:?}"));
        }
        assert_eq!(empty(Kind::X87).get(Xmm(0)), 0, "FNSAVE has none");
    }

    #[test]
    fn tags_are_whole_whatever_was_stored() {
        let mut image = empty(Kind::Fx);
        // The top is 6: st0 is the physical register 6, st1 is 7, st2 is 0.
        image.set(Register::Status, 6 << 11);
        image.set(Register::Stack(0), ONE);
        image.set(Register::Stack(1), 0);
        image.set(Register::Stack(2), INFINITY);
        image.set(Register::Tags, 0b0100_1111_1111_1110);
        assert_eq!(image.bytes[4], 0b1100_0001);
        assert_eq!(image.get(Register::Tags), 0b0100_1111_1111_1110);
        let mut old = empty(Kind::X87);
        old.set(Register::Tags, 0xFFFF);
        assert_eq!((old.get(Register::Tags), old.bytes[8]), (0xFFFF, 0xFF));
    }

    #[test]
    fn reserved_bits_of_mxcsr_stay_clear() {
        let mut image = empty(Kind::Fx);
        image.set(Register::Mxcsr, u32::MAX.into());
        assert_eq!(image.get(Register::Mxcsr), 0xFFBF);
        image.bytes[28..32].copy_from_slice(&0x2_FFFF_u32.to_le_bytes());
        image.set(Register::Mxcsr, u32::MAX.into());
        assert_eq!(image.get(Register::Mxcsr), 0x2_FFFF);
    }
}
