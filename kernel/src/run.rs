//! The run loop: a Guest's turn, from entry to entry, until the Launcher is needed.
//!
//! ```text
//!  +--> finish a pending call -> deliver an interrupt -> halted? -> pin, sanitise, copy in
//!  |                                                       |            |
//!  |                                                 Stop::Halted     enter
//!  |                                                                    |
//!  +------------------------ handle <------------ decode <--------------+
//! ```
//!
//! This is also the only place where a [`KillReason`] is caught.
//!
//! Invariants:
//! - Whatever a Guest made of its registers, it is entered with IF set, IOPL,
//!   NT, RF and VM clear, and CS and SS outside ring 0
//!   (`every_entry_is_sanitised`).
//! - The CPU's copies of GDT, IDT and stack are this Guest's
//!   (`after_another_guest_everything_is_copied_in`).
//!
//! Source: lguest ABI, "Host loop order"; security rules of the design.
//!
//! Next on the tour: [`crate::guest`].

use abi::{GuestMemory, GuestResult, KillReason, Nanos, Stop};
use switcher::GuestRegs;

use crate::cpu::Cpu;
use crate::event::Event;
use crate::exit::TrapExit;
use crate::guest::Guest;
use crate::{interrupt, obey, trap};

/// EFLAGS a Guest has no say in: IF and the bit that is always one are set, ...
const EFLAGS_SET: u32 = 1 << 9 | 1 << 1;
/// ... IOPL, NT, RF, VM, VIF and VIP are clear.
const EFLAGS_CLEAR: u32 = 3 << 12 | 1 << 14 | 1 << 16 | 1 << 17 | 1 << 19 | 1 << 20;

/// Runs `guest` on `cpu` until the Launcher is needed.
pub fn run<M: GuestMemory, C: Cpu>(guest: &mut Guest<M>, cpu: &mut C) -> Stop {
    if let Some(reason) = guest.killed {
        return Stop::Killed(reason);
    }
    board(guest, cpu);
    let stop = turn(guest, cpu).unwrap_or_else(|reason| kill(guest, reason));
    guest.regs = cpu.pages().stack.regs;
    stop
}

/// Makes the CPU this Guest's.
fn board<M: GuestMemory, C: Cpu>(guest: &mut Guest<M>, cpu: &mut C) {
    let ran_before = cpu.now_runs(guest.id, core::mem::take(&mut guest.is_fresh));
    if ran_before != Some(guest.id) {
        guest.gdt.forget_cpu();
        guest.idt.forget_cpu();
    }
    cpu.pages().stack.regs = guest.regs;
    guest.interrupts.ticked();
    trap::check_clock(guest, cpu);
}

fn kill<M>(guest: &mut Guest<M>, reason: KillReason) -> Stop {
    guest.killed = Some(reason);
    guest.trace.note(Event::Kill(reason));
    Stop::Killed(reason)
}

fn turn<M: GuestMemory, C: Cpu>(guest: &mut Guest<M>, cpu: &mut C) -> GuestResult<Stop> {
    if let Some(by) = guest.calling
        && let Some(stop) = obey::hypercalls(guest, cpu, by)?
    {
        return Ok(stop);
    }
    loop {
        interrupt::deliver(guest, cpu)?;
        if guest.is_halted {
            return Ok(Stop::Halted(guest.clock_event.unwrap_or(Nanos::NEVER)));
        }
        guest.shadow.pin_stack(&mut guest.memory)?;
        let root = guest.shadow.root(cpu.switcher_table())?;
        copy_in(guest, cpu);
        let cr2 = cpu.enter(root);
        let regs = &cpu.pages().stack.regs;
        let exit = TrapExit::decode(regs, cr2);
        guest.trace.note(Event::Exit { exit, eip: regs.eip });
        if let Some(stop) = trap::handle(guest, cpu, exit)? {
            return Ok(stop);
        }
    }
}

/// Gives the CPU what changed since it last ran this Guest.
#[inline]
fn copy_in<M: GuestMemory, C: Cpu>(guest: &mut Guest<M>, cpu: &mut C) {
    cpu.set_task_switched(guest.task_switched);
    let pages = cpu.pages();
    sanitise(&mut pages.stack.regs);
    guest.gdt.copy_changes(&mut pages.state.gdt);
    guest.idt.copy_changes(&mut pages.state.idt);
    (pages.state.tss.ss1, pages.state.tss.esp1) = guest.stack;
}

/// Makes registers fit to be loaded.
#[inline]
fn sanitise(regs: &mut GuestRegs) {
    regs.eflags = regs.eflags & !EFLAGS_CLEAR | EFLAGS_SET;
    for selector in [&mut regs.cs, &mut regs.ss] {
        if *selector & 3 == 0 {
            *selector |= 1;
        }
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
