//! Where a device shows its registers, a Guest finds no memory: the access itself is the message.
//!
//! The frames of such a page lie above RAM. No shadow ever maps them, so each
//! access is a page fault; the instruction is decoded, the Launcher told what
//! it reads or writes, and the Guest goes on behind it. Kernel or user: who may
//! touch the page is what the Guest's own tables say.
//!
//! Invariants:
//! - The CPU's address and the decoder's agree, and the direction with what
//!   the rights were judged for (`what_the_cpu_did_not_do_is_not_done`): so a
//!   segment that does not begin at 0, an access that begins on the page
//!   before, or code that was rewritten meanwhile is the Guest's own #PF.
//! - An access ends on the page it begins on (`an_access_across_the_end_of_a_page_is_refused`).
//!
//! Source: lguest ABI, "MMIO exits".
//!
//! Next on the tour: [`crate::emulate::access`].

use abi::{GuestLinear, GuestMemory, GuestPhys, PAGE_SIZE, Place};

use crate::cpu::Cpu;
use crate::cpu::exit::PageFaultCode;
use crate::cpu::pause::Pause;
use crate::decode::{Instruction, Operation, decode};
use crate::emulate::access::Emulation;
use crate::emulate::io::code_at;
use crate::guest::Guest;
use crate::guest::reading::{Errand, Landing};

/// Performs the instruction at EIP, which raised #PF with `code` at `at`: the Guest's tables allow
/// it, and lead to `place`, where no memory is.
#[cold]
pub fn access<M: GuestMemory, C: Cpu>(
    guest: &mut Guest<M>,
    cpu: &mut C,
    at: GuestLinear,
    code: PageFaultCode,
    place: GuestPhys,
) -> Emulation {
    let regs = &mut cpu.pages().stack.regs;
    if !guest.gdt.is_flat_code(regs.cs & 0xFFFF) {
        return Emulation::NotOurs;
    }
    let Some(Instruction { operation, len }) = decode(code_at(guest, regs.eip, code.of_a_fetch())) else {
        return Emulation::NotOurs;
    };
    let place = Place::Memory(place);
    let (address, width, pause, landing) = match operation {
        Operation::Load { from, width, into, is_signed } => {
            let landing = Landing { width, errand: Errand::Move { into, is_signed } };
            (from, width, Pause::Read { from: place, width }, Some(landing))
        }
        Operation::Reckon { from, width, with } => {
            let landing = Landing { width, errand: Errand::Reckon(with) };
            (from, width, Pause::Read { from: place, width }, Some(landing))
        }
        Operation::Store { to, width, value } => {
            (to, width, Pause::Write { to: place, width, value: value.get(regs) }, None)
        }
        Operation::Cli
        | Operation::In { .. }
        | Operation::Out { .. }
        | Operation::ReadCr0 { .. }
        | Operation::ReadCr4 { .. }
        | Operation::ReadDebug { .. }
        | Operation::WriteDebug { .. } => {
            return Emulation::NotOurs;
        }
    };
    let is_on_one_page = at.page_offset() + width.bytes() <= PAGE_SIZE;
    if address.linear(regs) != at.0 || landing.is_none() != code.is_write() || !is_on_one_page {
        return Emulation::NotOurs;
    }
    guest.reading = landing;
    guest.step_over(regs, len);
    Emulation::Leaves(pause)
}

#[cfg(test)]
#[path = "mmio_tests.rs"]
mod tests;
