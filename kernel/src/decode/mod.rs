//! A decoder for the few instructions the Host performs in a Guest's place.
//!
//! In a kernel that has no ports: IN and OUT of every width, CLI, and MOV from
//! CR0 and CR4, from and to debug registers. In front of a device's registers: the moves
//! between a register, or a number, and memory, and the simple arithmetic that
//! only reads memory. All in 32-bit code. All else, string instructions
//! included, is nothing to it: `None`, and the fault stays the Guest's own. So
//! the list below is the whole of what a Guest can make the Host do with bytes
//! of its choosing.
//!
//! ```text
//!  | 66 67 26 2E 36 3E 64 65 F2 F3, any, in any order | FA                    | CLI
//!  |                                                  | E4..E7  port          | IN, OUT
//!  |                                                  | EC..EF                | IN, OUT by DX
//!  |                                                  | 0F 20  xx 000 reg     | MOV reg, CR0
//!  |                                                  | 0F 20  xx 100 reg     | MOV reg, CR4
//!  |                                                  | 0F 21  xx dr reg      | MOV reg, DRn
//!  |                                                  | 0F 23  xx dr reg      | MOV DRn, reg
//!  |                                                  | 88..8B  memory        | MOV
//!  |                                                  | A0..A3  address       | MOV with AL, AX, EAX
//!  |                                                  | C6 C7  memory  number | MOV
//!  |                                                  | 02..3B memory         | ADD ... CMP
//!  |                                                  | 80..85 F6 F7  memory  | CMP, TEST
//!  |                                                  | 0F B6 B7 BE BF memory | MOVZX, MOVSX
//!   \_______________________ at most 15 bytes in all _________________________/
//! ```
//!
//! Only 66 means anything here; the CPU accepts the others and so does this,
//! but not 67 with memory: nobody has 16-bit addresses there. A segment is not
//! looked at; whoever performs a move knows the linear address from the CPU,
//! and the two agree only where the segment begins at 0. LOCK is not among the
//! prefixes: with it these instructions raise #UD.
//!
//! Invariants:
//! - No byte behind the instruction is asked for (`no_byte_behind_the_end_is_read`),
//!   nor a sixteenth (`a_sixteenth_byte_is_never_read`).
//! - What is decoded, and how long it is, an independent decoder sees alike
//!   (`likely_code_is_seen_alike`, `every_two_byte_beginning_is_seen_alike`,
//!   `every_way_to_name_memory_is_seen_alike`).
//!
//! Source: Intel SDM Vol. 2, "Instruction Format", "IN", "OUT", "CLI", "MOV",
//! "MOVZX", "MOVSX", "CMP", "TEST", "MOV—Move to/from Control Registers",
//! "MOV—Move to/from Debug Registers".
//!
//! Next on the tour: `decode/operand.rs`.

mod operand;
#[cfg(test)]
mod oracle;
mod reckon;
#[cfg(test)]
mod tests;

use operand::number;

pub use abi::Width;
pub use operand::{Address, Part, Register, Source};
pub use reckon::{Arithmetic, Reckoning};

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
    /// Reads CR0.
    ReadCr0 {
        /// Into which register.
        into: Register,
    },
    /// Reads CR4.
    ReadCr4 {
        /// Into which register.
        into: Register,
    },
    /// Reads a debug register.
    ReadDebug {
        /// Its number: `0..8`.
        number: u8,
        /// Into which register.
        into: Register,
    },
    /// Writes a debug register.
    WriteDebug {
        /// Its number: `0..8`.
        number: u8,
        /// From which register.
        from: Register,
    },
    /// Reads memory.
    Load {
        /// From where.
        from: Address,
        /// How much.
        width: Width,
        /// Into what, which may be wider.
        into: Part,
        /// The bits in between are copies of the uppermost one read, not zeroes.
        is_signed: bool,
    },
    /// Reads memory and reckons with it.
    Reckon {
        /// From where.
        from: Address,
        /// How much.
        width: Width,
        /// What is done with it.
        with: Reckoning,
    },
    /// Writes memory.
    Store {
        /// To where.
        to: Address,
        /// How much.
        width: Width,
        /// What.
        value: Source,
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

/// What the bytes of `code` begin with, if it is one of the few. Takes no byte it does not need,
/// and a `code` that ends too early is none of them.
pub fn decode(code: impl Iterator<Item = u8>) -> Option<Instruction> {
    let mut len = 0;
    let operation = operation(code.take(LONGEST).inspect(|_| len += 1))?;
    Some(Instruction { operation, len })
}

fn operation(mut code: impl Iterator<Item = u8>) -> Option<Operation> {
    let (mut operand_size, mut has_short_addresses) = (Width::Dword, false);
    let opcode = loop {
        match code.next()? {
            0x66 => operand_size = Width::Word,
            0x67 => has_short_addresses = true,
            0x26 | 0x2E | 0x36 | 0x3E | 0x64 | 0x65 | 0xF2 | 0xF3 => {}
            opcode => break opcode,
        }
    };
    // Bit 0 of an opcode means wider than a byte.
    let width = if opcode & 1 == 0 { Width::Byte } else { operand_size };
    match opcode {
        0xFA => Some(Operation::Cli),
        0xE4..=0xE7 => Some(transfer(opcode, Port::Immediate(code.next()?), width)),
        0xEC..=0xEF => Some(transfer(opcode, Port::Dx, width)),
        0x0F => two_byte(code, operand_size, has_short_addresses),
        _ if has_short_addresses => None,
        0x88..=0x8B => {
            let modrm = code.next()?;
            Some(copy(opcode, Address::behind(modrm, &mut code)?, Part::numbered(modrm >> 3, width)))
        }
        0xA0..=0xA3 => {
            let displacement = number(Width::Dword, &mut code)?;
            let address = Address { base: None, index: None, displacement };
            Some(copy(opcode ^ 2, address, Part::of_eax(width)))
        }
        0xC6 | 0xC7 => store_number(code, width),
        0x00..=0x3F if opcode & 6 == 2 || opcode & 0x3E == 0x38 => reckon(opcode, code, width),
        0x80..=0x83 | 0xF6 | 0xF7 => reckon_with_number(opcode, code, width),
        0x84 | 0x85 => {
            let modrm = code.next()?;
            let from = Address::behind(modrm, &mut code)?;
            Some(look(from, width, Arithmetic::And, Source::Part(Part::numbered(modrm >> 3, width))))
        }
        _ => None,
    }
}

/// Arithmetic between memory and a register that only reads memory: bit 1 of the opcode means that
/// the register is first, and gets the result.
fn reckon(opcode: u8, mut code: impl Iterator<Item = u8>, width: Width) -> Option<Operation> {
    let modrm = code.next()?;
    let from = Address::behind(modrm, &mut code)?;
    let (how, part) = (Arithmetic::numbered(opcode >> 3), Part::numbered(modrm >> 3, width));
    let is_read_first = opcode & 2 == 0;
    let into = (how != Arithmetic::Cmp).then_some(part);
    let with = Reckoning { how, value: Source::Part(part), is_read_first, into };
    Some(Operation::Reckon { from, width, with })
}

/// Behind 80 to 83, of which 82 is 80 once more, and behind F6 and F7: memory is compared with a number, or tested.
fn reckon_with_number(opcode: u8, mut code: impl Iterator<Item = u8>, width: Width) -> Option<Operation> {
    let modrm = code.next()?;
    let how = match (opcode, modrm >> 3 & 7) {
        (0x80..=0x83, 7) => Arithmetic::Cmp,
        (0xF6 | 0xF7, 0 | 1) => Arithmetic::And,
        _ => return None,
    };
    let from = Address::behind(modrm, &mut code)?;
    let number = match opcode {
        0x83 => code.next()? as i8 as u32 & width.mask(),
        _ => number(width, &mut code)?,
    };
    Some(look(from, width, how, Source::Immediate(number)))
}

/// Arithmetic of which only the flags count.
fn look(from: Address, width: Width, how: Arithmetic, value: Source) -> Operation {
    Operation::Reckon { from, width, with: Reckoning { how, value, is_read_first: true, into: None } }
}

/// IN or OUT: bit 1 of the opcode gives the direction.
fn transfer(opcode: u8, port: Port, width: Width) -> Operation {
    if opcode & 2 == 0 { Operation::In { port, width } } else { Operation::Out { port, width } }
}

/// MOV between memory and a register: bit 1 of the opcode means into the register.
fn copy(opcode: u8, address: Address, part: Part) -> Operation {
    let width = part.width;
    if opcode & 2 == 0 {
        Operation::Store { to: address, width, value: Source::Part(part) }
    } else {
        Operation::Load { from: address, width, into: part, is_signed: false }
    }
}

/// Behind C6 and C7.
fn store_number(mut code: impl Iterator<Item = u8>, width: Width) -> Option<Operation> {
    let modrm = code.next()?;
    if modrm >> 3 & 7 != 0 {
        return None;
    }
    let to = Address::behind(modrm, &mut code)?;
    Some(Operation::Store { to, width, value: Source::Immediate(number(width, &mut code)?) })
}

/// Behind 0F. ModRM's upper two bits, which elsewhere tell memory from register, mean nothing to
/// a move from or to a control or debug register.
fn two_byte(
    mut code: impl Iterator<Item = u8>,
    operand_size: Width,
    has_short_addresses: bool,
) -> Option<Operation> {
    match code.next()? {
        0x20 => {
            let modrm = code.next()?;
            let into = Register::numbered(modrm);
            match modrm >> 3 & 7 {
                0 => Some(Operation::ReadCr0 { into }),
                4 => Some(Operation::ReadCr4 { into }),
                _ => None,
            }
        }
        0x21 => {
            let modrm = code.next()?;
            Some(Operation::ReadDebug { number: modrm >> 3 & 7, into: Register::numbered(modrm) })
        }
        0x23 => {
            let modrm = code.next()?;
            Some(Operation::WriteDebug { number: modrm >> 3 & 7, from: Register::numbered(modrm) })
        }
        opcode @ (0xB6 | 0xB7 | 0xBE | 0xBF) if !has_short_addresses => {
            let modrm = code.next()?;
            let from = Address::behind(modrm, &mut code)?;
            let width = if opcode & 1 == 0 { Width::Byte } else { Width::Word };
            let into = Part::numbered(modrm >> 3, operand_size);
            Some(Operation::Load { from, width, into, is_signed: opcode & 8 != 0 })
        }
        _ => None,
    }
}
