//! Debugging: the registers and flags a CPU has for it, shared by a Guest and its debugger.
//!
//! A Guest may set breakpoints and step itself; somebody outside may do the
//! same to it, and each should believe to be alone. Who does neither costs
//! nothing: it runs by the plain [`Cpu`], and only one that is watched has
//! another around it, with everything that follows in there.
//!
//! ```text
//!              is it watched?
//!   run ------ no ----> run loop <--> CPU
//!          \-- yes ---> run loop <--> Watched <--> CPU       and then: what has come of it?
//! ```
//!
//! Invariants:
//! - What is the debugger's is not in any frame, flag or register a Guest sees
//!   (`a_guest_sees_only_its_own_trap_flag`, `a_debuggers_int3_is_not_the_guests`;
//!   `debugging_itself`, a test Guest).
//!
//! Source: Intel SDM Vol. 3, "Debug, Branch Profile, TSC, and Intel Resource Director Technology (Intel
//! RDT) Features".
//!
//! Next on the tour: `watched.rs`.

mod watched;

use abi::{GuestLinear, GuestMemory, Stop};

use self::watched::Watched;
use crate::cpu::Cpu;
use crate::cpu::eflags::{RF, TF};
use crate::cpu::exit::{BREAKPOINT, PageFaultCode};
use crate::emulate::io::code_at;
use crate::guest::Guest;
use crate::guest::debug_registers::Armed;
use crate::guest::debugger::step::Flags;
use crate::guest::debugger::{Debugger, Halt, INT3};
use crate::run;

/// The vector of #GP.
const PROTECTION: u8 = 13;

impl<M: GuestMemory> Guest<M> {
    /// Lets a debugger in.
    pub fn attach(&mut self) -> &mut Debugger {
        self.idt.keep_all(true);
        self.is_debugged = true;
        self.debugger.get_or_insert_default()
    }

    /// The debugger leaves, and nothing of it stays but what the Guest itself has been owed.
    pub fn detach(&mut self) {
        if let Some(mut debugger) = self.debugger.take() {
            debugger.uproot_all(&mut self.memory);
        }
        self.idt.keep_all(false);
        self.is_debugged = self.debug_registers.is_active();
    }
}

/// Runs `guest` on `cpu` until the Launcher is needed, or its debugger is.
pub fn run<M: GuestMemory, C: Cpu>(guest: &mut Guest<M>, cpu: &mut C) -> Stop {
    if guest.is_debugged { run_watched(guest, cpu) } else { run::run(guest, cpu) }
}

#[inline(never)]
fn run_watched<M: GuestMemory, C: Cpu>(guest: &mut Guest<M>, cpu: &mut C) -> Stop {
    let mut debugger = guest.debugger.take();
    let hardware = debugger.as_deref().map_or(&[][..], |debugger| &debugger.hardware);
    let armed = Armed::new(&guest.debug_registers, hardware);
    let mut passes = guest.regs.eflags & RF != 0;
    if let Some(debugger) = &mut debugger {
        passes |= core::mem::take(&mut debugger.resumes);
        if let Some(step) = &mut debugger.step {
            step.flags = Flags::of(code_at(guest, step.from.0, as_fetched_by(guest)));
            // Who steps through a function wants to see that, not what interrupts it.
            guest.interrupts.is_put_off = true;
        }
    }
    let passes = passes.then_some(guest.regs.eip);
    let mut watched = Watched { cpu, armed, debugger: debugger.as_deref_mut(), passes, causes: 0 };
    let stop = run::run(guest, &mut watched);
    guest.interrupts.is_put_off = false;
    if let Some(debugger) = &mut debugger {
        settle(guest, debugger);
    }
    guest.is_debugged = debugger.is_some() || guest.debug_registers.is_active();
    guest.debugger = debugger;
    stop
}

/// Finds out what a turn was for the debugger.
fn settle<M: GuestMemory>(guest: &mut Guest<M>, debugger: &mut Debugger) {
    if core::mem::take(&mut debugger.is_trapped) {
        judge_int3(guest, debugger);
    }
    if let Some(at) = debugger.pushed_at.take() {
        hide_trap_flag(guest, at);
    }
    debugger.notice_progress(&guest.regs);
    if debugger.halt.is_some() {
        debugger.step = None;
    }
}

/// An `int3` was executed, and EIP is behind it. It stands for something else, and there the Guest
/// has stopped; or it is the Guest's own, and becomes of it what would have without a debugger.
fn judge_int3<M: GuestMemory>(guest: &mut Guest<M>, debugger: &mut Debugger) {
    let at = GuestLinear(guest.regs.eip.wrapping_sub(1));
    let place = guest.shadow.space().translate(&guest.memory, at);
    if place.is_ok_and(|place| debugger.is_planted(place)) {
        guest.regs.eip = at.0;
        debugger.halt = Some(Halt::Software);
        return;
    }
    if guest.regs.cs as u8 & 3 <= guest.idt.dpl(BREAKPOINT) {
        debugger.owes = Some((BREAKPOINT, 0));
        return;
    }
    // `int 3` may be written with two bytes as well.
    let is_short = place.is_ok_and(|place| guest.memory.read_u8(place) == Ok(INT3));
    guest.regs.eip = at.0.wrapping_sub(u32::from(!is_short));
    debugger.owes = Some((PROTECTION, u32::from(BREAKPOINT) << 3 | 2));
}

/// Takes TF out of what an instruction has pushed at `at`.
fn hide_trap_flag<M: GuestMemory>(guest: &mut Guest<M>, at: GuestLinear) {
    let at = GuestLinear(at.0.wrapping_add(1)); // TF is in the second byte
    let space = guest.shadow.space();
    let mut byte = [0];
    if space.read(&guest.memory, at, &mut byte) == 1 {
        byte[0] &= !((TF >> 8) as u8);
        space.write(&mut guest.memory, at, &byte);
    }
}

/// The ring that is about to fetch.
fn as_fetched_by<M>(guest: &Guest<M>) -> PageFaultCode {
    PageFaultCode(if guest.regs.cs & 3 == 3 { PageFaultCode::USER } else { 0 })
}

#[cfg(test)]
mod tests;
