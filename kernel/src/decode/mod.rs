//! A decoder for the few instructions the Host performs in a Guest kernel's place.
//!
//! IN and OUT of every width, CLI, and MOV from CR4, in 32-bit code. All else,
//! string I/O included, is nothing to it: `None`, and the #GP stays the Guest's
//! own. So the list below is the whole of what a Guest can make the Host do
//! with bytes of its choosing.
//!
//! ```text
//!  | 66 67 26 2E 36 3E 64 65 F2 F3, any, in any order | FA                    | CLI
//!  |                                                  | E4..E7  port          | IN, OUT
//!  |                                                  | EC..EF                | IN, OUT by DX
//!  |                                                  | 0F 20  xx 100 reg     | MOV reg, CR4
//!   \_______________________ at most 15 bytes in all _________________________/
//! ```
//!
//! Only 66 means anything here; the CPU accepts the others and so does this.
//! LOCK is not among them: with it these instructions raise #UD.
//!
//! Invariants:
//! - No byte behind the instruction is asked for (`no_byte_behind_the_end_is_read`),
//!   nor a sixteenth (`a_sixteenth_byte_is_never_read`).
//! - What is decoded, and how long it is, an independent decoder sees alike
//!   (`likely_code_is_seen_alike`, `every_two_byte_beginning_is_seen_alike`).
//!
//! Source: Intel SDM Vol. 2, "Instruction Format", "IN", "OUT", "CLI",
//! "MOV—Move to/from Control Registers".
//!
//! Next on the tour: [`crate::segment`].

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;

/// Bytes in the longest instruction; with one more the CPU raises #GP.
const LONGEST: usize = 15;

/// An instruction the Host knows how to perform.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Instruction {
    /// What it does.
    pub operation: Operation,
    /// Its bytes, prefixes included: `1..=15`.
    pub len: usize,
}

/// What an [`Instruction`] does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// Clears the interrupt flag.
    Cli,
    /// Reads a port into AL, AX or EAX.
    In {
        /// From where.
        port: Port,
        /// How much.
        width: Width,
    },
    /// Writes AL, AX or EAX to a port.
    Out {
        /// To where.
        port: Port,
        /// How much.
        width: Width,
    },
    /// Reads CR4.
    ReadCr4 {
        /// Into which register.
        into: Register,
    },
}

/// How an instruction names its port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Port {
    /// By its last byte.
    Immediate(u8),
    /// By the register DX.
    Dx,
}

/// How much of EAX an instruction moves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Width {
    /// AL.
    Byte,
    /// AX.
    Word,
    /// All of it.
    Dword,
}

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

/// What the bytes of `code` begin with, if it is one of the few. Takes no byte it does not need,
/// and a `code` that ends too early is none of them.
pub fn decode(code: impl Iterator<Item = u8>) -> Option<Instruction> {
    let mut len = 0;
    let operation = operation(code.take(LONGEST).inspect(|_| len += 1))?;
    Some(Instruction { operation, len })
}

fn operation(mut code: impl Iterator<Item = u8>) -> Option<Operation> {
    let mut operand_size = Width::Dword;
    let opcode = loop {
        match code.next()? {
            0x66 => operand_size = Width::Word,
            0x67 | 0x26 | 0x2E | 0x36 | 0x3E | 0x64 | 0x65 | 0xF2 | 0xF3 => {}
            opcode => break opcode,
        }
    };
    match opcode {
        0xFA => Some(Operation::Cli),
        0xE4..=0xE7 => Some(transfer(opcode, Port::Immediate(code.next()?), operand_size)),
        0xEC..=0xEF => Some(transfer(opcode, Port::Dx, operand_size)),
        0x0F => two_byte(code),
        _ => None,
    }
}

/// IN or OUT: bit 1 of the opcode gives the direction, bit 0 means wider than a byte.
fn transfer(opcode: u8, port: Port, operand_size: Width) -> Operation {
    let width = if opcode & 1 == 0 { Width::Byte } else { operand_size };
    if opcode & 2 == 0 { Operation::In { port, width } } else { Operation::Out { port, width } }
}

/// Behind 0F. ModRM's upper two bits, which elsewhere tell memory from register, mean nothing to
/// a move from a control register.
fn two_byte(mut code: impl Iterator<Item = u8>) -> Option<Operation> {
    if code.next()? != 0x20 {
        return None;
    }
    let modrm = code.next()?;
    let is_cr4 = modrm >> 3 & 7 == 4;
    is_cr4.then_some(Operation::ReadCr4 { into: Register::numbered(modrm & 7) })
}

impl Register {
    /// The register an instruction's low three bits name.
    fn numbered(low: u8) -> Self {
        use Register::{Eax, Ebp, Ebx, Ecx, Edi, Edx, Esi, Esp};
        [Eax, Ecx, Edx, Ebx, Esp, Ebp, Esi, Edi][usize::from(low & 7)]
    }
}
