//! The few privileged instructions a Guest kernel may use as if it had ports.
//!
//! There are no ports: IN reads all ones, OUT vanishes, and `cli` (some
//! kernels use it for a moment although they know better) is skipped. All
//! else that raises #GP in ring 1 is the Guest's own affair.
//!
//! Source: lguest ABI, "#GP emulation"; Intel SDM Vol. 2, "IN", "OUT", "CLI".
//!
//! Next on the tour: [`crate::shared`].

use abi::{GuestLinear, GuestMemory, GuestResult};
use switcher::GuestRegs;

use crate::cpu::Cpu;
use crate::guest::Guest;

/// Longest encoding understood here: a prefix, an opcode, a port.
const LONGEST: usize = 3;

/// An instruction understood here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Instruction {
    Cli,
    /// Into the low bits of EAX that the mask covers.
    In(u32),
    Out,
}

/// Performs the instruction at EIP if it is one of the few; false if the #GP is the Guest's own.
///
/// # Errors
/// Only if the Guest's tables are such that they kill it.
pub fn emulate<M: GuestMemory, C: Cpu>(guest: &mut Guest<M>, cpu: &mut C, code: u32) -> GuestResult<bool> {
    let regs = &mut cpu.pages().stack.regs;
    if code != 0 || regs.cs & 3 != 1 {
        return Ok(false);
    }
    let (bytes, len) = fetch(guest, regs.eip)?;
    let Some((instruction, len)) = decode(&bytes[..len]) else {
        return Ok(false);
    };
    perform(regs, instruction);
    regs.eip = regs.eip.wrapping_add(len as u32);
    Ok(true)
}

fn perform(regs: &mut GuestRegs, instruction: Instruction) {
    match instruction {
        Instruction::In(mask) => regs.eax |= mask,
        Instruction::Cli | Instruction::Out => {}
    }
}

/// Reads the code at `eip`, as far as it is mapped.
fn fetch<M: GuestMemory>(guest: &mut Guest<M>, eip: u32) -> GuestResult<([u8; LONGEST], usize)> {
    let mut bytes = [0; LONGEST];
    for (index, byte) in bytes.iter_mut().enumerate() {
        let at = GuestLinear(eip.wrapping_add(index as u32));
        match guest.shadow.readable(&mut guest.memory, at)? {
            Some(at) => *byte = guest.memory.read_u8(at)?,
            None => return Ok((bytes, index)),
        }
    }
    Ok((bytes, LONGEST))
}

/// What the bytes say, and how many of them say it.
fn decode(bytes: &[u8]) -> Option<(Instruction, usize)> {
    let is_word = *bytes.first()? == 0x66;
    let prefix = usize::from(is_word);
    let opcode = *bytes.get(prefix)?;
    let wide = if is_word { 0xFFFF } else { u32::MAX };
    let has_port = matches!(opcode, 0xE4..=0xE7);
    let instruction = match opcode {
        0xFA => Instruction::Cli,
        0xE4 | 0xEC => Instruction::In(0xFF),
        0xE5 | 0xED => Instruction::In(wide),
        0xE6 | 0xE7 | 0xEE | 0xEF => Instruction::Out,
        _ => return None,
    };
    let len = prefix + 1 + usize::from(has_port);
    (len <= bytes.len()).then_some((instruction, len))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_width_of_in_touches_its_part_of_eax() {
        assert_eq!(decode(&[0xEC, 0, 0]), Some((Instruction::In(0xFF), 1)));
        assert_eq!(decode(&[0xE4, 0x64, 0]), Some((Instruction::In(0xFF), 2)));
        assert_eq!(decode(&[0x66, 0xED, 0]), Some((Instruction::In(0xFFFF), 2)));
        assert_eq!(decode(&[0x66, 0xE5, 0x64]), Some((Instruction::In(u32::MAX >> 16), 3)));
        assert_eq!(decode(&[0xED, 0, 0]), Some((Instruction::In(u32::MAX), 1)));
        let mut regs = GuestRegs { eax: 0x1234_0000, ..GuestRegs::ZERO };
        perform(&mut regs, Instruction::In(0xFF));
        assert_eq!(regs.eax, 0x1234_00FF);
    }

    #[test]
    fn everything_else_is_the_guests_own_affair() {
        for opcode in [0xF4, 0xFB, 0x0F, 0x6C, 0xCF] {
            assert_eq!(decode(&[opcode, 0, 0]), None);
        }
    }

    #[test]
    fn code_that_ends_too_early_is_not_guessed() {
        assert_eq!(decode(&[]), None);
        assert_eq!(decode(&[0x66]), None);
        assert_eq!(decode(&[0xE4]), None);
    }
}
