//! What an instruction works on: registers, parts of them, and memory.
//!
//! ```text
//!  ModRM   mod | reg | r/m          r/m 4: a SIB byte follows; mod 0, r/m 5: just 32 bits
//!  SIB     scale | index | base     index 4: none; mod 0, base 5: 32 bits in its place
//!  then    nothing, 8 bits or 32 bits of displacement, as mod says
//! ```
//!
//! Source: Intel SDM Vol. 2, "ModR/M and SIB Bytes", tables 2-2 and 2-3.
//!
//! Next on the tour: `decode/reckon.rs`.

use switcher::GuestRegs;

use super::Width;

/// A general register, in the order of its number in an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Register {
    /// 0.
    Eax,
    /// 1.
    Ecx,
    /// 2.
    Edx,
    /// 3.
    Ebx,
    /// 4.
    Esp,
    /// 5.
    Ebp,
    /// 6.
    Esi,
    /// 7.
    Edi,
}

/// A register or a part of it, as an instruction names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part {
    /// The whole register.
    pub register: Register,
    /// How much of it.
    pub width: Width,
    /// It is the second byte: AH, CH, DH or BH.
    pub is_high: bool,
}

/// How an instruction names a place in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Address {
    /// Register that is added.
    pub base: Option<Register>,
    /// Register that is added after a shift to the left by so many bits.
    pub index: Option<(Register, u8)>,
    /// What is added besides.
    pub displacement: u32,
}

/// What an instruction writes to memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// A register or a part of it.
    Part(Part),
    /// A number of its own.
    Immediate(u32),
}

impl Register {
    /// The register an instruction's low three bits name.
    pub(super) fn numbered(low: u8) -> Self {
        use Register::{Eax, Ebp, Ebx, Ecx, Edi, Edx, Esi, Esp};
        [Eax, Ecx, Edx, Ebx, Esp, Ebp, Esi, Edi][usize::from(low & 7)]
    }

    /// Its place among `regs`.
    pub fn of(self, regs: &mut GuestRegs) -> &mut u32 {
        match self {
            Self::Eax => &mut regs.eax,
            Self::Ecx => &mut regs.ecx,
            Self::Edx => &mut regs.edx,
            Self::Ebx => &mut regs.ebx,
            Self::Esp => &mut regs.esp,
            Self::Ebp => &mut regs.ebp,
            Self::Esi => &mut regs.esi,
            Self::Edi => &mut regs.edi,
        }
    }
}

impl Part {
    /// The low part of EAX.
    pub const fn of_eax(width: Width) -> Self {
        Self { register: Register::Eax, width, is_high: false }
    }

    /// What an instruction's three bits name: of bytes, the upper four are second bytes.
    pub(super) fn numbered(low: u8, width: Width) -> Self {
        let is_high = matches!(width, Width::Byte) && low & 4 != 0;
        Self { register: Register::numbered(if is_high { low & 3 } else { low }), width, is_high }
    }

    const fn shift(self) -> u32 {
        if self.is_high { 8 } else { 0 }
    }

    /// What is in it.
    pub fn get(self, regs: &mut GuestRegs) -> u32 {
        *self.register.of(regs) >> self.shift() & self.width.mask()
    }

    /// Puts the low bits of `value` into it, and leaves the rest of the register alone.
    pub fn set(self, regs: &mut GuestRegs, value: u32) {
        let (mask, register) = (self.width.mask() << self.shift(), self.register.of(regs));
        *register = *register & !mask | value << self.shift() & mask;
    }
}

impl Address {
    /// Where that is, in a segment that begins at 0.
    pub fn linear(self, regs: &mut GuestRegs) -> u32 {
        let base = self.base.map_or(0, |base| *base.of(regs));
        let index = self.index.map_or(0, |(index, shift)| *index.of(regs) << shift);
        base.wrapping_add(index).wrapping_add(self.displacement)
    }

    /// Reads what follows `modrm`, if that means memory.
    pub(super) fn behind(modrm: u8, code: &mut impl Iterator<Item = u8>) -> Option<Self> {
        let mode = modrm >> 6;
        if mode == 3 {
            return None;
        }
        let (mut base, mut index) = (modrm & 7, None);
        if base == 4 {
            let sib = code.next()?;
            base = sib & 7;
            let number = sib >> 3 & 7;
            index = (number != 4).then(|| (Register::numbered(number), sib >> 6));
        }
        let has_base = mode != 0 || base != 5;
        let displacement = match mode {
            0 if has_base => 0,
            1 => code.next()? as i8 as u32,
            _ => number(Width::Dword, code)?,
        };
        Some(Self { base: has_base.then(|| Register::numbered(base)), index, displacement })
    }
}

impl Source {
    /// The value itself.
    pub fn get(self, regs: &mut GuestRegs) -> u32 {
        match self {
            Self::Part(part) => part.get(regs),
            Self::Immediate(value) => value,
        }
    }
}

/// The next bytes as a number.
pub(super) fn number(width: Width, code: &mut impl Iterator<Item = u8>) -> Option<u32> {
    (0..width.bytes()).try_fold(0, |number, place| Some(number | u32::from(code.next()?) << (8 * place)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_leaves_the_rest_of_its_register_alone() {
        let mut regs = GuestRegs { ebx: 0x1122_3344, ..GuestRegs::ZERO };
        let bh = Part::numbered(7, Width::Byte);
        assert_eq!(bh.get(&mut regs), 0x33);
        bh.set(&mut regs, 0xABCD);
        assert_eq!(regs.ebx, 0x1122_CD44);
        Part::numbered(3, Width::Word).set(&mut regs, 0x5_6789);
        assert_eq!(regs.ebx, 0x1122_6789);
        Part::numbered(7, Width::Dword).set(&mut regs, 7);
        assert_eq!((regs.ebx, regs.edi), (0x1122_6789, 7));
    }

    #[test]
    fn an_address_is_a_sum_that_wraps() {
        let mut regs = GuestRegs { eax: 0xFFFF_FFF0, ecx: 0x4000_0004, ..GuestRegs::ZERO };
        let address = |base, index, displacement| Address { base, index, displacement };
        let sum = address(Some(Register::Eax), Some((Register::Ecx, 2)), 0x20);
        assert_eq!(sum.linear(&mut regs), 0x20);
        assert_eq!(address(None, None, 0x1234).linear(&mut regs), 0x1234);
    }
}
