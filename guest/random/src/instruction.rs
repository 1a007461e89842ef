//! Bytes that are instructions, nearly all of them.
//!
//! A table of opcodes by what they are about, each with what follows it; in front may stand prefixes,
//! and now and then the bytes are just bytes. Operands in memory are addressed by registers, which
//! hold numbers worth trying, or by such a number itself.
//!
//! Invariants: `what_is_written_fits`, `each_opcode_of_the_table_is_written`, `a_bit_test_is_not_locked`.
//!
//! Source: Intel SDM Vol. 2, appendix A "Opcode Map".
//!
//! Next on the tour: the Guest that plays them, `guest/tests/src/bin/random.rs`.

use crate::{Dice, Places};

/// Longest piece of code, in bytes.
pub const CODE_MAX: usize = 256;

/// What stands behind an opcode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Operands {
    /// Nothing.
    None,
    /// A byte that names registers or memory.
    Rm,
    /// The same, and a byte.
    RmByte,
    /// The same, and a dword.
    RmDword,
    /// A byte.
    Byte,
    /// A dword.
    Dword,
    /// A dword and a selector.
    Far,
    /// A word and a byte, as ENTER has them.
    WordByte,
}
use Operands::*;

/// Opcodes in a row that are followed by the same: in front `0x0F` or nothing, first, last.
type Row = (bool, u8, u8, Operands);

/// What ring 0 keeps to itself, or the Host performs or skips.
const PRIVILEGED: &[Row] = &[
    (true, 0x00, 0x01, Rm),
    (true, 0x05, 0x09, None),
    (true, 0x0B, 0x0B, None),
    (true, 0x20, 0x23, Rm),
    (true, 0x30, 0x35, None),
    (true, 0xA2, 0xA2, None),
    (true, 0xAA, 0xAA, None),
    (true, 0xAE, 0xAE, Rm),
    (true, 0xC7, 0xC7, Rm),
    (false, 0xE4, 0xE7, Byte),
    (false, 0xEC, 0xEF, None),
    (false, 0xF1, 0xF1, None),
    (false, 0xF4, 0xF4, None),
    (false, 0xFA, 0xFB, None),
    (false, 0xCC, 0xCC, None),
    (false, 0xCE, 0xCE, None),
    (false, 0xCD, 0xCD, Byte),
];
/// What loads or tells about segments.
const SEGMENTS: &[Row] = &[
    (false, 0x8C, 0x8C, Rm),
    (false, 0x8E, 0x8E, Rm),
    (false, 0x06, 0x07, None),
    (false, 0x16, 0x17, None),
    (false, 0x1E, 0x1F, None),
    (false, 0x0E, 0x0E, None),
    (false, 0xC4, 0xC5, Rm),
    (false, 0x63, 0x63, Rm),
    (true, 0xA0, 0xA1, None),
    (true, 0xA8, 0xA9, None),
    (true, 0xB2, 0xB2, Rm),
    (true, 0xB4, 0xB5, Rm),
    (true, 0x02, 0x03, Rm),
    (true, 0x00, 0x00, Rm),
];
/// What leaves for another segment or ring.
const FAR: &[Row] = &[
    (false, 0x9A, 0x9A, Far),
    (false, 0xEA, 0xEA, Far),
    (false, 0xCA, 0xCA, WordByte),
    (false, 0xCB, 0xCB, None),
    (false, 0xCF, 0xCF, None),
    (false, 0xFF, 0xFF, Rm),
    (false, 0xCD, 0xCD, Byte),
];
/// Strings of bytes, to ports too.
const STRINGS: &[Row] = &[(false, 0x6C, 0x6F, None), (false, 0xA4, 0xA7, None), (false, 0xAA, 0xAF, None)];
/// FPU, MMX, SSE.
const FLOATS: &[Row] = &[
    (false, 0xD8, 0xDF, Rm),
    (false, 0x9B, 0x9B, None),
    (true, 0x10, 0x17, Rm),
    (true, 0x28, 0x2F, Rm),
    (true, 0x50, 0x7F, Rm),
    (true, 0x77, 0x77, None),
    (true, 0xAE, 0xAE, Rm),
    (true, 0xC2, 0xC2, RmByte),
    (true, 0xD0, 0xFF, Rm),
];
/// The stack, and flags by way of it.
const STACK: &[Row] = &[
    (false, 0x50, 0x61, None),
    (false, 0x68, 0x68, Dword),
    (false, 0x6A, 0x6A, Byte),
    (false, 0x8F, 0x8F, Rm),
    (false, 0x9C, 0x9D, None),
    (false, 0xC8, 0xC8, WordByte),
    (false, 0xC9, 0xC9, None),
    (false, 0xC2, 0xC2, WordByte),
];
/// What every program is made of.
const PLAIN: &[Row] = &[
    (false, 0x00, 0x03, Rm),
    (false, 0x28, 0x2B, Rm),
    (false, 0x38, 0x3B, Rm),
    (false, 0x40, 0x4F, None),
    (false, 0x70, 0x7F, Byte),
    (false, 0x80, 0x80, RmByte),
    (false, 0x81, 0x81, RmDword),
    (false, 0x83, 0x83, RmByte),
    (false, 0x84, 0x8B, Rm),
    (false, 0x8D, 0x8D, Rm),
    (false, 0xA0, 0xA3, Dword),
    (false, 0xB8, 0xBF, Dword),
    (false, 0xC0, 0xC1, RmByte),
    (false, 0xC6, 0xC6, RmByte),
    (false, 0xC7, 0xC7, RmDword),
    (false, 0xD0, 0xD4, Rm),
    (false, 0xE0, 0xE3, Byte),
    (false, 0xEB, 0xEB, Byte),
    (false, 0xF6, 0xF7, RmDword),
    (false, 0xFE, 0xFF, Rm),
    (true, 0x40, 0x4F, Rm),
    (true, 0xA3, 0xA3, Rm),
    (true, 0xB0, 0xB1, Rm),
    (true, 0xB6, 0xB7, Rm),
    (true, 0xBA, 0xBA, RmByte),
    (true, 0xC0, 0xC1, Rm),
    (true, 0xC8, 0xCF, None),
];

/// All of them.
const TABLES: [&[Row]; 7] = [PRIVILEGED, SEGMENTS, FAR, STRINGS, FLOATS, STACK, PLAIN];

/// Prefixes: sizes, lock, repetition, segments.
const PREFIXES: [u8; 11] = [0x66, 0x67, 0xF0, 0xF2, 0xF3, 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65];

/// The prefix LOCK; the bit tests, behind `0x0F`, which must not have it: QEMU 7.2 ends at a locked one
/// of a register, whoever executes it; and a prefix that does nothing.
const LOCK: u8 = 0xF0;
const BT: u8 = 0xA3;
const BT_IMMEDIATE: u8 = 0xBA;
const DS: u8 = 0x3E;

/// A piece of code that is being written.
#[derive(Clone, Debug)]
pub struct Code {
    bytes: [u8; CODE_MAX],
    len: usize,
}

impl Default for Code {
    fn default() -> Self {
        Self::new()
    }
}

impl Code {
    /// No code.
    pub const fn new() -> Self {
        Self { bytes: [0xC3; CODE_MAX], len: 0 }
    }

    /// The bytes so far.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Appends `bytes`, or what of them fits.
    pub fn push(&mut self, bytes: &[u8]) {
        let room = &mut self.bytes[self.len..];
        let len = room.len().min(bytes.len());
        room[..len].copy_from_slice(&bytes[..len]);
        self.len += len;
    }

    /// Appends an opcode and a dword.
    pub fn push_with(&mut self, opcode: &[u8], dword: u32) {
        self.push(opcode);
        self.push(&dword.to_le_bytes());
    }

    /// Appends a random instruction. A hypercall is none of them: those are played by themselves.
    pub fn instruction(&mut self, dice: &mut Dice, places: &Places) {
        if dice.one_in(10) {
            return (0..1 + dice.below(8)).for_each(|_| self.push(&[dice.byte()]));
        }
        let (start, prefixes) = (self.len, if dice.one_in(3) { dice.below(4) } else { 0 });
        (0..prefixes).for_each(|_| self.push(&[dice.pick(&PREFIXES)]));
        let (is_long, first, last, operands) = {
            let table = dice.pick(&TABLES);
            dice.pick(table)
        };
        if is_long {
            self.push(&[0x0F]);
        }
        let opcode = first + dice.below(u32::from(last - first) + 1) as u8;
        self.push(&[opcode]);
        if is_long && matches!(opcode, BT | BT_IMMEDIATE) {
            self.bytes[start..self.len].iter_mut().filter(|byte| **byte == LOCK).for_each(|byte| *byte = DS);
        }
        self.operands(operands, opcode == 0xCD && !is_long, dice, places);
    }

    fn operands(&mut self, operands: Operands, is_int: bool, dice: &mut Dice, places: &Places) {
        let byte = dice.byte();
        match operands {
            None => {}
            Rm | RmByte | RmDword => self.modrm(dice, places),
            Byte if is_int && byte == 0x1F => self.push(&[0x20]),
            Byte => self.push(&[byte]),
            Dword | Far => self.push(&places.number(dice).to_le_bytes()),
            WordByte => self.push(&[byte, dice.byte() & 0xF]),
        }
        match operands {
            RmByte | WordByte => self.push(&[byte]),
            RmDword => self.push(&places.number(dice).to_le_bytes()),
            Far => self.push(&(crate::places::selector(dice) as u16).to_le_bytes()),
            None | Rm | Byte | Dword => {}
        }
    }

    /// A register, memory by a register with an offset or without, or memory by a number.
    fn modrm(&mut self, dice: &mut Dice, places: &Places) {
        let modrm = dice.byte();
        self.push(&[modrm]);
        if modrm >> 6 != 3 && modrm & 7 == 4 {
            self.push(&[dice.byte()]);
        }
        match (modrm >> 6, modrm & 7) {
            (0, 5) => self.push(&places.number(dice).to_le_bytes()),
            (1, _) => self.push(&[dice.byte()]),
            (2, _) => self.push(&dice.below(8192).to_le_bytes()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACES: Places = Places {
        memory: 0x40_0000,
        image: 0x10_0000..0x18_0000,
        own: 0x20_0000..0x22_0000,
        shared: 0x17_0000,
    };

    #[test]
    fn what_is_written_fits() {
        let mut dice = Dice::of(1);
        let mut code = Code::new();
        (0..1000).for_each(|_| code.instruction(&mut dice, &PLACES));
        assert_eq!(code.bytes().len(), CODE_MAX);
    }

    #[test]
    fn each_opcode_of_the_table_is_written() {
        let mut dice = Dice::of(2);
        let mut written = std::collections::HashSet::new();
        for _ in 0..50_000 {
            let mut code = Code::new();
            code.instruction(&mut dice, &PLACES);
            let bytes: Vec<u8> =
                code.bytes().iter().copied().skip_while(|byte| PREFIXES.contains(byte)).collect();
            written.insert((bytes.first() == Some(&0x0F), bytes.iter().copied().find(|&byte| byte != 0x0F)));
        }
        for (is_long, first, last, _) in TABLES.concat() {
            assert!(
                (first..=last).all(|opcode| opcode == 0x0F || written.contains(&(is_long, Some(opcode))))
            );
        }
    }

    #[test]
    fn a_bit_test_is_not_locked() {
        let mut dice = Dice::of(4);
        for _ in 0..50_000 {
            let mut code = Code::new();
            code.instruction(&mut dice, &PLACES);
            let opcode = code.bytes().iter().position(|byte| !PREFIXES.contains(byte)).unwrap_or(0);
            if matches!(code.bytes()[opcode..], [0x0F, BT | BT_IMMEDIATE, ..]) && code.len - opcode > 2 {
                assert!(!code.bytes()[..opcode].contains(&LOCK), "{:x?}", code.bytes());
            }
        }
    }

    #[test]
    fn a_hypercall_is_not_written_by_name() {
        let mut dice = Dice::of(3);
        let mut code = Code::new();
        for _ in 0..50_000 {
            code = Code::new();
            code.operands(Byte, true, &mut dice, &PLACES);
            assert_ne!(code.bytes(), [0x1F]);
        }
        assert_eq!(code.bytes().len(), 1);
    }
}
