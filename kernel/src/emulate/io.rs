//! The few privileged instructions a Guest kernel may use as if it were alone.
//!
//! Ring 1 has no ports, so each IN and OUT of a Guest kernel ends in #GP, and
//! so does `cli`, which some kernels use for a moment although they know
//! better. The Host performs them instead: behind the ports of PCI's
//! configuration is the Launcher, behind no other is a device, so IN reads all
//! ones there, but for two that kernels wait at, and OUT vanishes; `cli` is skipped. Debug registers
//! are the Guest's own ([`crate::debug`]): a Linux that reports a mistake of its own
//! reads them, and would report that instead, and that again. A kernel that
//! reads CR0 or CR4 before it has any #GP handler gets a plausible value: the
//! unpacker of a Linux with KASLR wants to know whether there is an FPU. All
//! else that raises #GP is the Guest's own affair.
//!
//! Invariants:
//! - Only ring 1, only error code 0, only flat 32-bit code
//!   (`ring_3_has_no_ports`, `an_error_code_is_about_something_else`,
//!   `code_that_is_not_flat_and_32_bit_is_not_decoded`): elsewhere EIP is no
//!   linear address, or the bytes mean something else.
//! - Looking at the code never kills and leaves no trace on a page the
//!   instruction does not reach (`no_page_behind_the_instruction_is_touched`).
//! - A Guest reads in its debug registers what it has written there
//!   (`debug_registers_are_the_guests_own`).
//! - A step is a step: with TF set the Guest gets its #DB, as from the CPU
//!   (`a_debugger_can_step_over_it`).
//!
//! Source: lguest ABI, "#GP emulation", "CPUID and control registers"; Intel
//! SDM Vol. 2, "IN", "OUT", "CLI"; Vol. 3, "Single-Step Exception Condition", "Debug
//! Registers", "Processor State After Reset".
//!
//! Next on the tour: [`crate::decode`].

use abi::pci::is_config_port;
use abi::{GuestLinear, GuestMemory, GuestPhys, Place};
use switcher::GuestRegs;

use crate::cpu::Cpu;
use crate::cpu::exit::PageFaultCode;
use crate::cpu::pause::Pause;
use crate::decode::{Instruction, Operation, Part, Port, decode};
use crate::emulate::access::Emulation;
use crate::guest::Guest;
use crate::guest::debug_registers::ACCESS_DETECTED;
use crate::guest::reading::{Errand, Landing, NO_DEVICE};
use crate::shadow::walk::Format;
use abi::Width;

/// CR0 as the ABI promises it: PG, WP, NE, ET, MP, PE.
const CR0: u32 = 1 << 31 | 1 << 16 | 1 << 5 | 1 << 4 | 1 << 1 | 1;
/// CR4.OSFXSR and CR4.OSXMMEXCPT, the bits the ABI promises every Guest.
const CR4_SSE: u32 = 1 << 9 | 1 << 10;
/// CR4.PAE.
const CR4_PAE: u32 = 1 << 5;

/// The counters of a PIT.
const PIT_FIRST: u16 = 0x40;
const PIT_LAST: u16 = 0x42;
/// The status of a keyboard controller: bit 0 says that there is something to read, bit 1 that it is
/// busy.
const KEYBOARD_STATUS: u16 = 0x64;

/// Performs the instruction at EIP if it is one of the few. Rare, so it must not grow into the loop
/// that every exit goes through.
#[cold]
#[inline(never)]
pub fn emulate<M: GuestMemory, C: Cpu>(guest: &mut Guest<M>, cpu: &mut C, code: u32) -> Emulation {
    let regs = &mut cpu.pages().stack.regs;
    let is_kernel = regs.cs & 3 == 1 && guest.gdt.is_flat_code(regs.cs & 0xFFFF);
    if code != 0 || !is_kernel {
        return Emulation::NotOurs;
    }
    let Some(Instruction { operation, len }) = decode(code_at(guest, regs.eip, PageFaultCode(0))) else {
        return Emulation::NotOurs;
    };
    let handles_faults = guest.idt.handler(13).is_some();
    let mut pause = None;
    match operation {
        Operation::Cli => {}
        Operation::Out { port, width } => pause = write(regs, port, width),
        Operation::In { port, width } => {
            let into = Part::of_eax(width);
            let landing = Landing { width, errand: Errand::Move { into, is_signed: false } };
            pause = configuration(regs, port, width).map(|from| Pause::Read { from, width });
            match pause {
                Some(_) => guest.reading = Some(landing),
                None => landing.land(regs, floating(number(regs, port))),
            }
        }
        Operation::ReadCr0 { into } if !handles_faults => *into.of(regs) = CR0,
        Operation::ReadCr4 { into } if !handles_faults => *into.of(regs) = cr4(guest.shadow.format()),
        Operation::ReadDebug { .. } | Operation::WriteDebug { .. }
            if guest.debug_registers.detects_access() =>
        {
            guest.owed_causes = ACCESS_DETECTED;
            return Emulation::Done;
        }
        Operation::ReadDebug { number, into } => *into.of(regs) = guest.debug_registers.get(number),
        Operation::WriteDebug { number, from } => {
            guest.debug_registers.set(number, *from.of(regs));
            pause = watch(guest);
        }
        Operation::ReadCr0 { .. }
        | Operation::ReadCr4 { .. }
        | Operation::Load { .. }
        | Operation::Reckon { .. }
        | Operation::Store { .. } => {
            return Emulation::NotOurs;
        }
    }
    guest.step_over(regs, len);
    pause.map_or(Emulation::Done, Emulation::Leaves)
}

/// Ends the turn if the CPU has to be entered another way now, with the debug registers in use.
fn watch<M>(guest: &mut Guest<M>) -> Option<Pause> {
    // Whether it still has to be is looked at when the turn is over.
    guest.is_debugged |= guest.debug_registers.is_active();
    guest.is_debugged.then_some(Pause::Preempted)
}

/// What the Launcher is told of an OUT, if it is told at all.
fn write(regs: &mut GuestRegs, port: Port, width: Width) -> Option<Pause> {
    let value = Part::of_eax(width).get(regs);
    configuration(regs, port, width).map(|to| Pause::Write { to, width, value })
}

/// The port, if an access to it is the Launcher's to answer.
fn configuration(regs: &GuestRegs, port: Port, width: Width) -> Option<Place> {
    let port = number(regs, port);
    is_config_port(port, width).then_some(Place::Port(port))
}

/// Which port it is.
fn number(regs: &GuestRegs, port: Port) -> u16 {
    match port {
        Port::Immediate(number) => number.into(),
        Port::Dx => regs.edx as u16,
    }
}

/// What is read where no device is: all ones, except where kernels that know no better would read on
/// and on. Linux 4.12 measures the TSC against a PIT whose counters show all ones, 200,000 reads
/// long; 3.2 asks a keyboard controller 20,000 times whether it is still busy.
const fn floating(port: u16) -> u32 {
    match port {
        PIT_FIRST..=PIT_LAST => NO_DEVICE << 8,
        KEYBOARD_STATUS => NO_DEVICE << 8 | 1,
        _ => NO_DEVICE,
    }
}

/// The bytes from `eip` on, each page looked up when its first is asked for, as if fetched `by` a ring. The CPU has
/// just fetched the whole instruction through the same translation, so it is there; where the
/// bytes end, for whatever reason, there is nothing to perform and nobody to blame.
pub fn code_at<M: GuestMemory>(
    guest: &mut Guest<M>,
    eip: u32,
    by: PageFaultCode,
) -> impl Iterator<Item = u8> {
    let mut place = None;
    (0..).map_while(move |offset| {
        let at = GuestLinear(eip.wrapping_add(offset));
        // Bytes of one page lie side by side.
        let next = match place {
            Some(GuestPhys(before)) if at.page_offset() != 0 => GuestPhys(before + 1),
            Some(_) | None => guest.shadow.readable(&mut guest.memory, at, by).ok()??,
        };
        place = Some(next);
        guest.memory.read_u8(next).ok()
    })
}

/// CR4 as a Guest with page tables of `format` may believe it to be; every bit the ABI rules out
/// is clear.
fn cr4(format: Format) -> u32 {
    match format {
        Format::TwoLevel => CR4_SSE,
        Format::Pae => CR4_SSE | CR4_PAE,
    }
}

#[cfg(test)]
#[path = "io_tests.rs"]
mod tests;
