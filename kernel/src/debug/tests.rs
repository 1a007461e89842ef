//! The run loop with debug registers in use: whose #DB it is, and what the Guest sees of it.

use abi::hypercall::{FIRST_IRQ_VECTOR, LHCALL_HALT, LHCALL_LOAD_IDT_ENTRY};
use abi::{GuestPhys, Nanos, Stop};
use arrayvec::ArrayVec;

use super::*;
use crate::cpu::Attention;
use crate::cpu::exit::DEBUG;
use crate::guest::debug_registers::{Breakpoint, Kind, SINGLE_STEP};
use crate::guest::debugger::step::Step;
use crate::guest::interrupts::TIMER_LINE;
use crate::guest::segment::KERNEL_DS;
use crate::scripted::{Ram, ScriptedCpu, running_guest};

const START: u32 = 0x1000;
const DEBUG_HANDLER: u32 = 0x4800;
const BREAKPOINT_HANDLER: u32 = 0x4900;
/// Open to every ring.
const TRAP_GATE: u32 = 0xEF00;
const END_OF_SLICE: u32 = 0x20;
const INTERRUPT: u8 = FIRST_IRQ_VECTOR + TIMER_LINE;
const INTERRUPT_HANDLER: u32 = 0x4A00;

/// A debugged Guest at [`START`], with handlers for #DB and #BP.
fn debugged(cpu: &mut ScriptedCpu) -> Guest<Ram> {
    let mut guest = running_guest(cpu);
    cpu.attention = Attention::Wanted;
    cpu.calls(LHCALL_LOAD_IDT_ENTRY, [1, DEBUG_HANDLER, TRAP_GATE]);
    cpu.calls(LHCALL_LOAD_IDT_ENTRY, [3, BREAKPOINT_HANDLER, TRAP_GATE]);
    cpu.then(END_OF_SLICE, 0, 0);
    assert_eq!(run(&mut guest, cpu), Stop::Preempted);
    (guest.regs.eip, guest.stack) = (START, (KERNEL_DS, 0x7000));
    guest.attach();
    guest
}

fn debugger(guest: &mut Guest<Ram>) -> &mut Debugger {
    guest.debugger.as_deref_mut().unwrap()
}

/// Asks for one step.
fn ask(guest: &mut Guest<Ram>) {
    let step = Step::from(&guest.regs);
    debugger(guest).step = Some(step);
}

/// The CPU executes an instruction of `len` bytes with TF set.
fn steps(cpu: &mut ScriptedCpu, len: u32) {
    cpu.scenes.push_back(Box::new(move |pages| {
        let regs = &mut pages.stack.regs;
        assert_eq!(regs.eflags & TF, TF, "entered with TF");
        (regs.trapnum, regs.errcode) = (DEBUG.into(), 0);
        regs.eip += len;
        0
    }));
    cpu.status = SINGLE_STEP;
}

#[test]
fn a_step_is_one_instruction() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = debugged(&mut cpu);
    ask(&mut guest);
    steps(&mut cpu, 2);
    assert_eq!(run(&mut guest, &mut cpu), Stop::Preempted);
    assert_eq!((guest.regs.eip, guest.regs.eflags & TF), (START + 2, 0));
    assert_eq!((debugger(&mut guest).halt, debugger(&mut guest).step), (Some(Halt::Stepped), None));
    let entries = cpu.entries.len();
    assert_eq!(run(&mut guest, &mut cpu), Stop::Preempted);
    assert_eq!(cpu.entries.len(), entries, "a Guest that has stopped is not entered");
}

#[test]
fn a_step_into_a_handler_ends_at_its_beginning() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = debugged(&mut cpu);
    ask(&mut guest);
    // `int3` of the Guest's own.
    cpu.scenes.push_back(Box::new(|pages| {
        (pages.stack.regs.trapnum, pages.stack.regs.eip) = (3, START + 1);
        0
    }));
    assert_eq!(run(&mut guest, &mut cpu), Stop::Preempted);
    assert_eq!(debugger(&mut guest).halt, None, "not yet: its frame is still to be pushed");
    assert_eq!(run(&mut guest, &mut cpu), Stop::Preempted);
    assert_eq!((guest.regs.eip, debugger(&mut guest).halt), (BREAKPOINT_HANDLER, Some(Halt::Stepped)));
    let flags = guest.memory.read_u32(GuestPhys(guest.regs.esp + 8)).unwrap();
    assert_eq!(flags & TF, 0);
}

#[test]
fn a_step_over_a_hypercall_ends_behind_it() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = debugged(&mut cpu);
    ask(&mut guest);
    cpu.scenes.push_back(Box::new(|pages| {
        let regs = &mut pages.stack.regs;
        (regs.trapnum, regs.eax, regs.eip) = (0x1F, LHCALL_HALT, START + 2);
        0
    }));
    assert_eq!(run(&mut guest, &mut cpu), Stop::Halted(Nanos::NEVER));
    assert_eq!((guest.regs.eip, debugger(&mut guest).halt), (START + 2, Some(Halt::Stepped)));
}

#[test]
fn a_step_over_halt_ends_in_the_handler_of_what_is_pending() {
    for is_due_before in [true, false] {
        let mut cpu = ScriptedCpu::default();
        let mut guest = debugged(&mut cpu);
        guest.idt.load_entry(INTERRUPT.into(), INTERRUPT_HANDLER, 0xEE00).unwrap();
        ask(&mut guest);
        cpu.scenes.push_back(Box::new(|pages| {
            let regs = &mut pages.stack.regs;
            (regs.trapnum, regs.eax, regs.eip) = (0x1F, LHCALL_HALT, START + 2);
            0
        }));
        if is_due_before {
            guest.raise(TIMER_LINE);
            assert_eq!(run(&mut guest, &mut cpu), Stop::Preempted);
        } else {
            guest.clock_event = Some(Nanos(50));
            assert_eq!(run(&mut guest, &mut cpu), Stop::Halted(Nanos(50)));
            assert_eq!(debugger(&mut guest).halt.take(), Some(Halt::Stepped), "behind it, asleep");
            ask(&mut guest);
            assert_eq!(run(&mut guest, &mut cpu), Stop::Halted(Nanos(50)));
            assert_eq!(debugger(&mut guest).halt, None, "not before something comes");
            cpu.time = Nanos(50);
            assert_eq!(run(&mut guest, &mut cpu), Stop::Preempted);
        }
        assert_eq!((guest.regs.eip, debugger(&mut guest).halt), (INTERRUPT_HANDLER, Some(Halt::Stepped)));
    }
}

#[test]
fn a_step_of_anything_else_is_not_interrupted() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = debugged(&mut cpu);
    guest.idt.load_entry(INTERRUPT.into(), INTERRUPT_HANDLER, 0xEE00).unwrap();
    guest.raise(TIMER_LINE);
    ask(&mut guest);
    steps(&mut cpu, 2);
    assert_eq!(run(&mut guest, &mut cpu), Stop::Preempted);
    assert_eq!((guest.regs.eip, guest.interrupts.pending()), (START + 2, 1));
}

#[test]
fn a_handler_that_traps_where_it_begins_is_stepped_into_all_the_same() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = debugged(&mut cpu);
    guest.regs.eip = BREAKPOINT_HANDLER;
    ask(&mut guest);
    cpu.scenes.push_back(Box::new(|pages| {
        (pages.stack.regs.trapnum, pages.stack.regs.eip) = (3, BREAKPOINT_HANDLER + 1);
        0
    }));
    assert_eq!(run(&mut guest, &mut cpu), Stop::Preempted);
    assert_eq!(run(&mut guest, &mut cpu), Stop::Preempted);
    assert_eq!((guest.regs.eip, debugger(&mut guest).halt), (BREAKPOINT_HANDLER, Some(Halt::Stepped)));
}

#[test]
fn a_guest_sees_only_its_own_trap_flag() {
    // POPF: what it loads is its own.
    let mut cpu = ScriptedCpu::default();
    let mut guest = debugged(&mut cpu);
    guest.memory.write_u8(GuestPhys(START), 0x9D).unwrap();
    ask(&mut guest);
    steps(&mut cpu, 1);
    assert_eq!(run(&mut guest, &mut cpu), Stop::Preempted);
    assert_eq!(guest.regs.eflags & TF, TF);
    // Now it steps itself and is stepped: both get their #DB, the Guest first.
    debugger(&mut guest).halt = None;
    guest.memory.write_u8(GuestPhys(START + 1), 0x90).unwrap();
    ask(&mut guest);
    steps(&mut cpu, 1);
    assert_eq!(run(&mut guest, &mut cpu), Stop::Preempted);
    assert_eq!((guest.regs.eip, debugger(&mut guest).halt), (DEBUG_HANDLER, Some(Halt::Stepped)));
    assert_eq!(guest.debug_registers.get(6), 0xFFFF_4FF0);
    // In its handler TF is clear. PUSHF: what the CPU pushed has the debugger's TF.
    let esp = guest.regs.esp - 4;
    debugger(&mut guest).halt = None;
    guest.memory.write_u8(GuestPhys(DEBUG_HANDLER), 0x9C).unwrap();
    guest.memory.write_u32(GuestPhys(esp), 0x302).unwrap();
    ask(&mut guest);
    cpu.scenes.push_back(Box::new(move |pages| {
        let regs = &mut pages.stack.regs;
        (regs.trapnum, regs.eip, regs.esp) = (DEBUG.into(), DEBUG_HANDLER + 1, esp);
        0
    }));
    cpu.status = SINGLE_STEP;
    assert_eq!(run(&mut guest, &mut cpu), Stop::Preempted);
    assert_eq!(guest.memory.read_u32(GuestPhys(esp)), Ok(0x202));
}

#[test]
fn a_debuggers_int3_is_not_the_guests() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = debugged(&mut cpu);
    let space = guest.shadow.space();
    let mut debugger = guest.debugger.take().unwrap();
    assert!(debugger.plant(&mut guest.memory, space, GuestLinear(START)));
    guest.debugger = Some(debugger);
    cpu.scenes.push_back(Box::new(|pages| {
        (pages.stack.regs.trapnum, pages.stack.regs.eip) = (3, START + 1);
        0
    }));
    assert_eq!(run(&mut guest, &mut cpu), Stop::Preempted);
    let halt = guest.debugger.as_ref().unwrap().halt;
    assert_eq!((guest.regs.eip, halt), (START, Some(Halt::Software)));
    guest.detach();
    assert_eq!(guest.memory.read_u8(GuestPhys(START)), Ok(0));
    assert!(!guest.is_debugged);
}

#[test]
fn an_int3_the_guest_forbids_its_users_is_a_protection_fault() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = debugged(&mut cpu);
    guest.memory.write_u8(GuestPhys(START), INT3).unwrap();
    guest.idt.load_entry(BREAKPOINT.into(), BREAKPOINT_HANDLER, 0x8F00).unwrap();
    (guest.regs.cs, guest.regs.eip) = (0x73, START + 1);
    let mut own = Debugger::default();
    own.is_trapped = true;
    settle(&mut guest, &mut own);
    assert_eq!((guest.regs.eip, own.owes), (START, Some((13, 0x1A))));
}

#[test]
fn a_breakpoint_of_both_stops_in_the_handler() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = debugged(&mut cpu);
    guest.debug_registers.set(0, 0x2000);
    guest.debug_registers.set(7, 1);
    let theirs = Breakpoint::admit(0x2000, Kind::Write, 4).unwrap();
    debugger(&mut guest).hardware = ArrayVec::from_iter([theirs]);
    cpu.then(DEBUG.into(), 0, 0);
    cpu.status = 0b11;
    assert_eq!(run(&mut guest, &mut cpu), Stop::Preempted);
    assert_eq!(cpu.armed.last(), Some(&([0x2000, 0x2000, 0, 0], 0x00D0_070A)));
    assert_eq!((guest.regs.eip, debugger(&mut guest).halt), (DEBUG_HANDLER, Some(Halt::Hardware(theirs))));
    assert_eq!(guest.debug_registers.get(6), 0xFFFF_0FF1, "the second is none of its business");
}

#[test]
fn who_takes_its_last_breakpoint_away_is_still_debugged() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = debugged(&mut cpu);
    // MOV DR7, EBX.
    guest.memory.write_from(GuestPhys(START), &[0x0F, 0x23, 0xFB]).unwrap();
    guest.debug_registers.set(7, 1);
    for is_debugged in [true, false] {
        if !is_debugged {
            guest.detach();
        }
        (guest.regs.eip, guest.regs.ebx) = (START, 0);
        cpu.then(13, 0, 0);
        assert_eq!(run(&mut guest, &mut cpu), Stop::Preempted);
        assert_eq!((guest.regs.eip, guest.is_debugged), (START + 3, is_debugged));
        guest.debug_registers.set(7, 1);
        guest.is_debugged = true;
    }
}

#[test]
fn an_instruction_is_passed_after_its_breakpoint() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = debugged(&mut cpu);
    debugger(&mut guest).resumes = true;
    // A page fault leaves RF in the flags, an interrupt does not.
    cpu.then(14, 0, START);
    cpu.scenes.push_back(Box::new(|pages| {
        (pages.stack.regs.trapnum, pages.stack.regs.errcode) = (END_OF_SLICE, 0);
        pages.stack.regs.eflags &= !RF;
        0
    }));
    assert_eq!(run(&mut guest, &mut cpu), Stop::Preempted);
    cpu.then(END_OF_SLICE, 0, 0);
    assert_eq!(run(&mut guest, &mut cpu), Stop::Preempted);
    let had: Vec<bool> =
        cpu.entries[cpu.entries.len() - 3..].iter().map(|regs| regs.eflags & RF != 0).collect();
    assert_eq!(had, [true, true, false]);
}

#[test]
fn a_restart_is_told_and_keeps_breakpoints_in_registers() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = debugged(&mut cpu);
    debugger(&mut guest).hardware.push(Breakpoint::admit(0x2000, Kind::Execute, 1).unwrap());
    guest.reset(GuestPhys(START));
    assert!(guest.is_debugged && debugger(&mut guest).hardware.len() == 1);
    assert_eq!(debugger(&mut guest).halt, Some(Halt::Restarted));
}
