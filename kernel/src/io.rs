//! The few privileged instructions a Guest kernel may use as if it were alone.
//!
//! Ring 1 has no ports, so each IN and OUT of a Guest kernel ends in #GP, and
//! so does `cli`, which some kernels use for a moment although they know
//! better. The Host performs them instead: no port has a device behind it, IN
//! reads all ones, OUT vanishes, `cli` is skipped. A kernel that reads CR4
//! before it has any #GP handler gets a plausible value. All else that raises
//! #GP is the Guest's own affair.
//!
//! Invariants:
//! - Only ring 1, only error code 0, only flat 32-bit code
//!   (`ring_3_has_no_ports`, `an_error_code_is_about_something_else`,
//!   `code_that_is_not_flat_and_32_bit_is_not_decoded`): elsewhere EIP is no
//!   linear address, or the bytes mean something else.
//! - Looking at the code never kills and leaves no trace on a page the
//!   instruction does not reach (`no_page_behind_the_instruction_is_touched`).
//! - A step is a step: with TF set the Guest gets its #DB, as from the CPU
//!   (`a_debugger_can_step_over_it`).
//!
//! Source: lguest ABI, "#GP emulation", "CPUID and control registers"; Intel
//! SDM Vol. 2, "IN", "OUT", "CLI"; Vol. 3, "Single-Step Exception Condition".
//!
//! Next on the tour: [`crate::decode`].

use abi::{GuestLinear, GuestMemory};
use switcher::GuestRegs;

use crate::cpu::Cpu;
use crate::decode::{Instruction, Operation, Register, Width, decode};
use crate::guest::Guest;
use crate::shadow::walk::Format;

/// EFLAGS.TF: a #DB after each instruction.
const TF: u32 = 1 << 8;
/// EFLAGS.RF, which a fault sets in the flags it saves and the next completed instruction clears.
const RF: u32 = 1 << 16;

/// What a port reads where there is no device: the bus floats high.
const NO_DEVICE: u32 = u32::MAX;

/// CR4.OSFXSR and CR4.OSXMMEXCPT, the bits the ABI promises every Guest.
const CR4_SSE: u32 = 1 << 9 | 1 << 10;
/// CR4.PAE.
const CR4_PAE: u32 = 1 << 5;

/// What became of the instruction that raised #GP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "a #GP that is not ours goes to the Guest"]
pub enum Emulation {
    /// Performed; the Guest goes on behind it.
    Done,
    /// Performed, and the Guest is single-stepping: its #DB is due.
    SingleStep,
    /// Untouched: the #GP is the Guest's own.
    NotOurs,
}

/// Performs the instruction at EIP if it is one of the few.
pub fn emulate<M: GuestMemory, C: Cpu>(guest: &mut Guest<M>, cpu: &mut C, code: u32) -> Emulation {
    let regs = &mut cpu.pages().stack.regs;
    let is_kernel = regs.cs & 3 == 1 && guest.gdt.is_flat_code(regs.cs & 0xFFFF);
    if code != 0 || !is_kernel {
        return Emulation::NotOurs;
    }
    let Some(Instruction { operation, len }) = decode(code_at(guest, regs.eip)) else {
        return Emulation::NotOurs;
    };
    let handles_faults = guest.idt.handler(13).is_some();
    match operation {
        Operation::Cli | Operation::Out { .. } => {}
        Operation::In { width, port: _ } => regs.eax = merge(regs.eax, NO_DEVICE, width),
        Operation::ReadCr4 { .. } if handles_faults => return Emulation::NotOurs,
        Operation::ReadCr4 { into } => *register(regs, into) = cr4(guest.shadow.format()),
    }
    regs.eip = regs.eip.wrapping_add(len as u32);
    regs.eflags &= !RF;
    if regs.eflags & TF == 0 { Emulation::Done } else { Emulation::SingleStep }
}

/// The bytes from `eip` on, each looked up when asked for. The CPU has just fetched the whole
/// instruction through the same translation, so it is there; where the bytes end, for whatever
/// reason, there is nothing to perform and nobody to blame.
pub fn code_at<M: GuestMemory>(guest: &mut Guest<M>, eip: u32) -> impl Iterator<Item = u8> {
    (0..).map_while(move |offset| {
        let at = GuestLinear(eip.wrapping_add(offset));
        let at = guest.shadow.readable(&mut guest.memory, at).ok()??;
        guest.memory.read_u8(at).ok()
    })
}

/// `eax` with its part of `width` replaced.
fn merge(eax: u32, value: u32, width: Width) -> u32 {
    let part = match width {
        Width::Byte => 0xFF,
        Width::Word => 0xFFFF,
        Width::Dword => u32::MAX,
    };
    eax & !part | value & part
}

/// CR4 as a Guest with page tables of `format` may believe it to be; every bit the ABI rules out
/// is clear.
fn cr4(format: Format) -> u32 {
    match format {
        Format::TwoLevel => CR4_SSE,
        Format::Pae => CR4_SSE | CR4_PAE,
    }
}

fn register(regs: &mut GuestRegs, register: Register) -> &mut u32 {
    match register {
        Register::Eax => &mut regs.eax,
        Register::Ecx => &mut regs.ecx,
        Register::Edx => &mut regs.edx,
        Register::Ebx => &mut regs.ebx,
        Register::Esp => &mut regs.esp,
        Register::Ebp => &mut regs.ebp,
        Register::Esi => &mut regs.esi,
        Register::Edi => &mut regs.edi,
    }
}

#[cfg(test)]
#[path = "io_tests.rs"]
mod tests;
