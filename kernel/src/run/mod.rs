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
//! This is also the only place where an [`abi::KillReason`] is caught.
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

mod bad_exit;
mod interrupt;
mod obey;
pub mod trap;

use abi::{GuestMemory, GuestPhys, GuestResult, KillReason, Nanos, Shutdown, Stop};
use switcher::GuestRegs;

use crate::cpu::exit::TrapExit;
use crate::cpu::pause::Pause;
use crate::cpu::{Cpu, Left};
use crate::guest::Guest;
use crate::guest::reading::NO_DEVICE;
use crate::hypercall::call::Instruction;
use crate::trace::event::Event;

/// EFLAGS a Guest has no say in: IF and the bit that is always one are set, ...
const EFLAGS_SET: u32 = 1 << 9 | 1 << 1;
/// ... IOPL, NT, RF, VM, VIF and VIP are clear.
const EFLAGS_CLEAR: u32 = 3 << 12 | 1 << 14 | 1 << 16 | 1 << 17 | 1 << 19 | 1 << 20;

/// Runs `guest` on `cpu` until the Launcher is needed.
pub fn run<M: GuestMemory, C: Cpu>(guest: &mut Guest<M>, cpu: &mut C) -> Stop {
    if let Some(reason) = guest.killed {
        return Stop::Killed(reason);
    }
    guest.answer(NO_DEVICE); // unless it has got its answer
    board(guest, cpu);
    let pause = turn(guest, cpu);
    guest.regs = cpu.pages().stack.regs;
    match pause {
        Ok(Pause::Notify(at)) => Stop::Notify(at),
        Ok(Pause::Read { from, width }) => Stop::Read { from, width },
        Ok(Pause::Write { to, width, value }) => Stop::Write { to, width, value },
        Ok(Pause::Halted) => Stop::Halted(guest.clock_event.unwrap_or(Nanos::NEVER)),
        Ok(Pause::Preempted) => Stop::Preempted,
        Ok(Pause::Shutdown { text, restart }) => shutdown(guest, text, restart),
        Err(reason) => killed(guest, reason),
    }
}

/// The Guest wants to end. Apart from the others, for last words are long, and a [`Stop`] with room
/// for them would be copied each time.
#[cold]
#[inline(never)]
fn shutdown<M: GuestMemory>(guest: &mut Guest<M>, text: GuestPhys, restart: bool) -> Stop {
    let mut words = [0; Shutdown::TEXT_LEN];
    match guest.memory.read_into(text, &mut words) {
        // A restart needs no last words.
        Err(reason) if !restart => killed(guest, reason),
        Ok(()) | Err(_) => Stop::Shutdown(Shutdown::new(restart, words)),
    }
}

/// The Guest has done what it may not.
#[cold]
fn killed<M>(guest: &mut Guest<M>, reason: KillReason) -> Stop {
    guest.killed = Some(reason);
    Stop::Killed(reason)
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

fn turn<M: GuestMemory, C: Cpu>(guest: &mut Guest<M>, cpu: &mut C) -> GuestResult<Pause> {
    trap::pay_causes(guest, cpu)?;
    let mut calling = guest.calling.take();
    loop {
        if let Some(by) = calling
            && let Some(pause) = obey::hypercalls(guest, cpu, by)?
        {
            return Ok(pause.into());
        }
        interrupt::deliver(guest, cpu)?;
        if !guest.before_entry.is_nothing() && !may_enter(guest, cpu) {
            return Ok(Pause::Halted);
        }
        guest.shadow.pin_stack(&mut guest.memory)?;
        let root = guest.shadow.root(cpu.switcher_table())?;
        copy_in(guest, cpu);
        let Left { cr2, tsc } = cpu.enter(root);
        guest.trace.time(tsc);
        let regs = &cpu.pages().stack.regs;
        let (trapnum, code, eip) = (regs.trapnum, regs.errcode, regs.eip);
        guest.exits.count(trapnum);
        let exit = TrapExit::decode(trapnum, code, cr2);
        if exit == TrapExit::Hypercall {
            // A call notes itself, number and all.
            calling = Some(Instruction::Int);
            continue;
        }
        guest.trace.note(Event::Exit { trapnum: trapnum as u16, code, cr2, eip });
        if let Some(pause) = trap::handle(guest, cpu, exit)? {
            return Ok(pause);
        }
        calling = guest.calling.take();
    }
}

/// Does what comes before an entry, unless the Guest sleeps: then there is none.
#[cold]
#[inline(never)]
fn may_enter<M: GuestMemory, C: Cpu>(guest: &mut Guest<M>, cpu: &mut C) -> bool {
    let is_awake = !guest.before_entry.is_halted();
    if is_awake {
        let eip = cpu.pages().stack.regs.eip;
        guest.trace.feed_entry(cpu.tsc(), eip);
    }
    is_awake
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

#[cfg(test)]
#[path = "variant_tests.rs"]
mod variant_tests;
