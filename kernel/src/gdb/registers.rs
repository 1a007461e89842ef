//! The registers of an i386, in GDB's order: described, read and written.
//!
//! [`REGISTERS`] is the only place where the order is written down. The
//! description that GDB and LLDB read, the packets `g` and `G` with all
//! registers, and `p` and `P` with one are all made from it. The last
//! registers of the list are those of SSE, which a CPU without FXSAVE has not.
//!
//! Invariants:
//! - What is told is as long as the description says
//!   (`registers_go_out_and_come_back_in_gdbs_order`).
//!
//! Source: "Debugging with GDB", "Target Descriptions", "i386 Features".
//!
//! Next on the tour: `description.rs`.

use alloc::vec::Vec;

use switcher::GuestRegs;

use crate::cpu::fpu::{Image, Kind, Register as Fpu};

/// A register as debuggers know it.
#[derive(Clone, Copy, Debug)]
pub struct Register {
    /// The name.
    pub name: &'static str,
    /// Its length in bits.
    pub bits: u32,
    /// What it holds, by GDB's name.
    pub kind: &'static str,
    /// Where its value is.
    place: Place,
}

/// Where a register's value is.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// Among those that the Switcher saves.
    General(fn(&mut GuestRegs) -> &mut u32),
    /// The same; the CPU stores a selector in half a word and leaves the other half as it was.
    Selector(fn(&mut GuestRegs) -> &mut u32),
    /// In the FPU's image.
    Fpu(Fpu),
}

/// How many of [`REGISTERS`] every CPU has; those behind are of SSE.
pub const WITHOUT_SSE: usize = 32;

/// All registers, in the order of GDB's features `core` and `sse`.
pub const REGISTERS: &[Register] = &[
    general("eax", "int32", |regs| &mut regs.eax),
    general("ecx", "int32", |regs| &mut regs.ecx),
    general("edx", "int32", |regs| &mut regs.edx),
    general("ebx", "int32", |regs| &mut regs.ebx),
    general("esp", "data_ptr", |regs| &mut regs.esp),
    general("ebp", "data_ptr", |regs| &mut regs.ebp),
    general("esi", "int32", |regs| &mut regs.esi),
    general("edi", "int32", |regs| &mut regs.edi),
    general("eip", "code_ptr", |regs| &mut regs.eip),
    general("eflags", "i386_eflags", |regs| &mut regs.eflags),
    selector("cs", |regs| &mut regs.cs),
    selector("ss", |regs| &mut regs.ss),
    selector("ds", |regs| &mut regs.ds),
    selector("es", |regs| &mut regs.es),
    selector("fs", |regs| &mut regs.fs),
    selector("gs", |regs| &mut regs.gs),
    fpu("st0", 80, "i387_ext", Fpu::Stack(0)),
    fpu("st1", 80, "i387_ext", Fpu::Stack(1)),
    fpu("st2", 80, "i387_ext", Fpu::Stack(2)),
    fpu("st3", 80, "i387_ext", Fpu::Stack(3)),
    fpu("st4", 80, "i387_ext", Fpu::Stack(4)),
    fpu("st5", 80, "i387_ext", Fpu::Stack(5)),
    fpu("st6", 80, "i387_ext", Fpu::Stack(6)),
    fpu("st7", 80, "i387_ext", Fpu::Stack(7)),
    fpu("fctrl", 32, "int", Fpu::Control),
    fpu("fstat", 32, "int", Fpu::Status),
    fpu("ftag", 32, "int", Fpu::Tags),
    fpu("fiseg", 32, "int", Fpu::CodeSegment),
    fpu("fioff", 32, "int", Fpu::CodeOffset),
    fpu("foseg", 32, "int", Fpu::DataSegment),
    fpu("fooff", 32, "int", Fpu::DataOffset),
    fpu("fop", 32, "int", Fpu::Opcode),
    fpu("xmm0", 128, "vec128", Fpu::Xmm(0)),
    fpu("xmm1", 128, "vec128", Fpu::Xmm(1)),
    fpu("xmm2", 128, "vec128", Fpu::Xmm(2)),
    fpu("xmm3", 128, "vec128", Fpu::Xmm(3)),
    fpu("xmm4", 128, "vec128", Fpu::Xmm(4)),
    fpu("xmm5", 128, "vec128", Fpu::Xmm(5)),
    fpu("xmm6", 128, "vec128", Fpu::Xmm(6)),
    fpu("xmm7", 128, "vec128", Fpu::Xmm(7)),
    fpu("mxcsr", 32, "i386_mxcsr", Fpu::Mxcsr),
];

const fn general(name: &'static str, kind: &'static str, at: fn(&mut GuestRegs) -> &mut u32) -> Register {
    Register { name, bits: 32, kind, place: Place::General(at) }
}

const fn selector(name: &'static str, at: fn(&mut GuestRegs) -> &mut u32) -> Register {
    Register { name, bits: 32, kind: "int32", place: Place::Selector(at) }
}

const fn fpu(name: &'static str, bits: u32, kind: &'static str, at: Fpu) -> Register {
    Register { name, bits, kind, place: Place::Fpu(at) }
}

impl Register {
    /// Its length in bytes.
    pub const fn len(&self) -> usize {
        self.bits as usize / 8
    }

    fn value(&self, regs: &GuestRegs, fpu: &Image) -> u128 {
        let mut regs = *regs;
        match self.place {
            Place::General(at) => (*at(&mut regs)).into(),
            Place::Selector(at) => (*at(&mut regs) & 0xFFFF).into(),
            Place::Fpu(register) => fpu.get(register),
        }
    }

    fn set(&self, value: u128, regs: &mut GuestRegs, fpu: &mut Image) {
        match self.place {
            Place::General(at) | Place::Selector(at) => *at(regs) = value as u32,
            Place::Fpu(register) => fpu.set(register, value),
        }
    }
}

/// The registers of a CPU that stores its FPU as `kind`.
pub fn of(kind: Kind) -> &'static [Register] {
    match kind {
        Kind::X87 => &REGISTERS[..WITHOUT_SSE],
        Kind::Fx => REGISTERS,
    }
}

/// All registers, one behind the other.
pub fn read_all(regs: &GuestRegs, fpu: &Image) -> Vec<u8> {
    let mut bytes = Vec::new();
    for register in of(fpu.kind) {
        bytes.extend_from_slice(&register.value(regs, fpu).to_le_bytes()[..register.len()]);
    }
    bytes
}

/// The register of this number in the list, if there is one.
pub fn read(number: u32, regs: &GuestRegs, fpu: &Image) -> Option<Vec<u8>> {
    let register = of(fpu.kind).get(number as usize)?;
    Some(register.value(regs, fpu).to_le_bytes()[..register.len()].into())
}

/// Makes `bytes` a Guest's registers, as many as they are; false if those of the Switcher are not all
/// among them. Whether it can be entered with them is looked at when it is.
pub fn write_all(bytes: &[u8], regs: &mut GuestRegs, fpu: &mut Image) -> bool {
    let is_general = |register: &&Register| !matches!(register.place, Place::Fpu(_));
    let needed: usize = REGISTERS.iter().take_while(is_general).map(Register::len).sum();
    let mut rest = bytes;
    for register in of(fpu.kind).iter().take_while(|_| bytes.len() >= needed) {
        let Some((own, behind)) = rest.split_at_checked(register.len()) else { break };
        register.set(number(own), regs, fpu);
        rest = behind;
    }
    bytes.len() >= needed
}

/// Makes `bytes` the register of this number; false if it has another length, or there is none.
pub fn write(place: u32, bytes: &[u8], regs: &mut GuestRegs, fpu: &mut Image) -> bool {
    let register = of(fpu.kind).get(place as usize).filter(|register| register.len() == bytes.len());
    register.iter().for_each(|register| register.set(number(bytes), regs, fpu));
    register.is_some()
}

/// What at most sixteen bytes stand for, the low one first.
fn number(bytes: &[u8]) -> u128 {
    bytes.iter().rev().fold(0, |number, &byte| number << 8 | u128::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::fpu::IMAGE_LEN;

    fn image(kind: Kind) -> Image {
        Image { kind, bytes: [0; IMAGE_LEN] }
    }

    #[test]
    fn registers_go_out_and_come_back_in_gdbs_order() {
        let regs = GuestRegs { eax: 1, ecx: 2, eip: 0x1234_5678, cs: 0xFFFF_0061, gs: 7, ..GuestRegs::ZERO };
        let mut fpu = image(Kind::Fx);
        fpu.set(Fpu::Stack(1), 0x1122);
        fpu.set(Fpu::Mxcsr, 0x1F80);
        let told = read_all(&regs, &fpu);
        assert_eq!(told.len(), 16 * 4 + 8 * 10 + 8 * 4 + 8 * 16 + 4);
        assert_eq!((&told[0x20..0x24], &told[74..76]), (&[0x78, 0x56, 0x34, 0x12][..], &[0x22, 0x11][..]));
        let (mut back, mut fpu_back) = (GuestRegs::ZERO, image(Kind::Fx));
        assert!(!write_all(&told[..63], &mut back, &mut fpu_back) && back == GuestRegs::ZERO);
        assert!(write_all(&told, &mut back, &mut fpu_back));
        assert_eq!(back, GuestRegs { cs: 0x61, ..regs });
        assert_eq!((fpu_back.get(Fpu::Stack(1)), fpu_back.get(Fpu::Mxcsr)), (0x1122, 0x1F80));
        assert_eq!(read_all(&regs, &image(Kind::X87)).len(), 16 * 4 + 8 * 10 + 8 * 4);
    }

    #[test]
    fn one_register_is_read_and_written_by_its_number() {
        let (mut regs, mut fpu) = (GuestRegs::ZERO, image(Kind::Fx));
        assert!(write(8, &[4, 3, 2, 1], &mut regs, &mut fpu) && regs.eip == 0x0102_0304);
        assert_eq!(read(8, &regs, &fpu), Some(vec![4, 3, 2, 1]));
        assert!(write(16, &[9; 10], &mut regs, &mut fpu));
        assert_eq!(read(16, &regs, &fpu), Some(vec![9; 10]));
        assert!(!write(16, &[9; 4], &mut regs, &mut fpu) && !write(41, &[0; 4], &mut regs, &mut fpu));
        assert_eq!((read(41, &regs, &fpu), read(32, &regs, &image(Kind::X87))), (None, None));
    }

    #[test]
    fn sse_comes_last() {
        let is_sse = |register: &Register| matches!(register.place, Place::Fpu(Fpu::Xmm(_) | Fpu::Mxcsr));
        assert_eq!(REGISTERS.iter().position(is_sse), Some(WITHOUT_SSE));
        assert!(REGISTERS[WITHOUT_SSE..].iter().all(is_sse));
    }
}
