//! The run loop against a scripted CPU: what each exit leads to.

use abi::hypercall::*;
use abi::kill::HypercallError;
use abi::lguest_data::{IF, LAYOUT_C};
use abi::{GuestLinear, GuestMemory, GuestPhys, KillReason, Nanos, Stop};
use switcher::descriptor::GDT_ENTRIES;

use super::*;
use crate::cpu::Attention;
use crate::scripted::{LGUEST_DATA_AT, Ram, ScriptedCpu, new_guest, running_guest};

pub const TRAP_GATE: u32 = 0x8F00;
pub const INTERRUPT_GATE: u32 = 0x8E00;
pub const HANDLER: u32 = 0x4000;

pub fn word(guest: &Guest<Ram>, at: u32) -> u32 {
    guest.memory.read_u32(GuestPhys(at)).unwrap()
}

pub fn data(guest: &Guest<Ram>, offset: u32) -> u32 {
    word(guest, LGUEST_DATA_AT.0 + offset)
}

pub fn set_data(guest: &mut Guest<Ram>, offset: u32, value: u32) {
    guest.memory.write_u32(GuestPhys(LGUEST_DATA_AT.0 + offset), value).unwrap();
}

/// Ends a script: the Guest's slice is over.
pub fn until_preempted(guest: &mut Guest<Ram>, cpu: &mut ScriptedCpu) {
    cpu.attention = Attention::Wanted;
    cpu.then(0x20, 0, 0);
    assert_eq!(run(guest, cpu), Stop::Preempted);
}

#[test]
fn the_first_call_must_be_init() {
    let (mut guest, mut cpu) = (new_guest(1), ScriptedCpu::default());
    cpu.calls(LHCALL_HALT, [0; 3]);
    let reason = HypercallError::BeforeInit { number: LHCALL_HALT }.into();
    assert_eq!(run(&mut guest, &mut cpu), Stop::Killed(reason));
    assert_eq!(run(&mut guest, &mut cpu), Stop::Killed(reason), "the dead stay dead");
}

#[test]
fn init_comes_once() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = running_guest(&mut cpu);
    cpu.calls(LHCALL_LGUEST_INIT, [LGUEST_DATA_AT.0, 0, 0]);
    assert_eq!(run(&mut guest, &mut cpu), Stop::Killed(HypercallError::InitTwice.into()));
}

#[test]
fn every_entry_is_sanitised() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = running_guest(&mut cpu);
    guest.regs.eflags = !IF;
    (guest.regs.cs, guest.regs.ss) = (0x50, 0x58);
    until_preempted(&mut guest, &mut cpu);
    let entered = cpu.entries.last().unwrap();
    assert_eq!(entered.eflags & EFLAGS_CLEAR, 0);
    assert_eq!(entered.eflags & EFLAGS_SET, EFLAGS_SET);
    assert_eq!((entered.cs & 3, entered.ss & 3), (1, 1));
}

#[test]
fn after_another_guest_everything_is_copied_in() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = running_guest(&mut cpu);
    let mut other = new_guest(2);
    cpu.calls(LHCALL_LOAD_GDT_ENTRY, [14, 0x0000_FFFF, 0x00CF_FA00]);
    until_preempted(&mut guest, &mut cpu);
    let mine: [u64; GDT_ENTRIES] = cpu.pages().state.gdt;
    assert_eq!(mine[14], 0x00CF_FB00_0000_FFFF);
    until_preempted(&mut other, &mut cpu);
    assert_eq!(cpu.pages().state.gdt[14], 0);
    until_preempted(&mut guest, &mut cpu);
    assert_eq!(cpu.pages().state.gdt, mine);
}

#[test]
fn a_page_fault_is_reflected_with_cr2_and_its_code() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = running_guest(&mut cpu);
    cpu.calls(LHCALL_LOAD_IDT_ENTRY, [14, HANDLER, INTERRUPT_GATE]);
    cpu.calls(LHCALL_NEW_PGTABLE, [0x9000, 0, 0]);
    identity_map(&mut guest);
    cpu.then(14, 2, 0x0123_4567);
    until_preempted(&mut guest, &mut cpu);
    let regs = cpu.entries.last().unwrap();
    assert_eq!((regs.eip, regs.cs, regs.esp), (HANDLER, 0x61, 0x8000 - 16));
    assert_eq!(data(&guest, 8), 0x0123_4567);
    assert_eq!((word(&guest, regs.esp), word(&guest, regs.esp + 4)), (2, 0x1000));
    assert_eq!(word(&guest, regs.esp + 12) & IF, IF, "the frame has the flag as it was");
    assert_eq!(data(&guest, 0), 0, "an interrupt gate clears it");
}

#[test]
fn without_a_handler_the_guest_dies_and_the_reason_says_where() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = running_guest(&mut cpu);
    cpu.then(6, 0, 0);
    let reason = KillReason::UnhandledTrap { vector: 6, eip: GuestLinear(0x1000), code: 0, cr2: None };
    assert_eq!(run(&mut guest, &mut cpu), Stop::Killed(reason));
}

#[test]
fn a_trap_before_init_is_a_kernel_for_the_bare_machine_or_an_unpacker_at_its_end() {
    let hlt = |code: u8| {
        let (mut guest, mut cpu) = (new_guest(1), ScriptedCpu::default());
        let eip = guest.regs.eip;
        guest.memory.write_u8(GuestPhys(eip), code).unwrap();
        cpu.then(13, 0, 0);
        (run(&mut guest, &mut cpu), GuestLinear(eip))
    };
    let (stop, eip) = hlt(0xF4);
    assert_eq!(stop, Stop::Killed(KillReason::HaltedEarly { eip }));
    let (stop, eip) = hlt(0x0F);
    assert_eq!(stop, Stop::Killed(KillReason::Native { vector: 13, eip }));
}

#[test]
fn a_stack_that_is_not_there_kills_with_its_address() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = running_guest(&mut cpu);
    cpu.calls(LHCALL_LOAD_IDT_ENTRY, [6, HANDLER, TRAP_GATE]);
    cpu.calls(LHCALL_NEW_PGTABLE, [0x9000, 0, 0]);
    cpu.then(6, 0, 0);
    let at = GuestLinear(0x8000 - 12);
    assert_eq!(run(&mut guest, &mut cpu), Stop::Killed(KillReason::NoStack { at, vector: 6 }));
}

#[test]
fn the_timer_fires_when_due_and_not_before() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = running_guest(&mut cpu);
    cpu.calls(LHCALL_LOAD_IDT_ENTRY, [32, HANDLER, INTERRUPT_GATE]);
    cpu.calls(LHCALL_SET_CLOCKEVENT, [1_000_000, 0, 0]);
    until_preempted(&mut guest, &mut cpu);
    assert_eq!((cpu.wake_at, guest.clock_event), (Nanos(1_000_000), Some(Nanos(1_000_000))));
    cpu.time = Nanos(1_000_000);
    until_preempted(&mut guest, &mut cpu);
    assert_eq!(cpu.entries.last().unwrap().eip, HANDLER);
    assert_eq!((guest.clock_event, data(&guest, 12)), (None, 1_000));
}

#[test]
fn the_pending_word_is_cleared_when_nothing_waits() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = running_guest(&mut cpu);
    cpu.calls(LHCALL_LOAD_IDT_ENTRY, [33, HANDLER, INTERRUPT_GATE]);
    set_data(&mut guest, 0, 0x46);
    guest.interrupts.raise(1);
    until_preempted(&mut guest, &mut cpu);
    assert_eq!(data(&guest, 20), IF, "bits other than 9 do not open it");
    assert_eq!(cpu.wake_at, Nanos::from_millis(1), "somebody looks again");
    set_data(&mut guest, 0, IF);
    until_preempted(&mut guest, &mut cpu);
    assert_eq!(cpu.entries.last().unwrap().eip, HANDLER);
    assert_eq!(data(&guest, 20), 0);
}

#[test]
fn nothing_is_delivered_inside_the_iret_stub() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = running_guest(&mut cpu);
    cpu.calls(LHCALL_LOAD_IDT_ENTRY, [33, HANDLER, INTERRUPT_GATE]);
    until_preempted(&mut guest, &mut cpu);
    guest.regs.eip = crate::scripted::KERNEL + 0x103;
    guest.interrupts.raise(1);
    until_preempted(&mut guest, &mut cpu);
    assert_ne!(cpu.entries.last().unwrap().eip, HANDLER);
    guest.regs.eip += 1;
    until_preempted(&mut guest, &mut cpu);
    assert_eq!(cpu.entries.last().unwrap().eip, HANDLER);
}

#[test]
fn an_interrupt_wakes_a_halted_guest_with_its_flag_on() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = running_guest(&mut cpu);
    cpu.calls(LHCALL_LOAD_IDT_ENTRY, [33, HANDLER, TRAP_GATE]);
    cpu.calls(LHCALL_HALT, [0; 3]);
    set_data(&mut guest, 0, 0);
    assert_eq!(run(&mut guest, &mut cpu), Stop::Halted(Nanos::NEVER));
    guest.interrupts.raise(1);
    until_preempted(&mut guest, &mut cpu);
    assert_eq!(cpu.entries.last().unwrap().eip, HANDLER);
    assert_eq!(data(&guest, 0), IF);
}

/// What chapter 7 of the tour tells of a Guest that is halted with a line pending.
#[test]
fn a_halted_guest_sleeps_on_as_long_as_it_blocks_the_line_that_is_pending() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = running_guest(&mut cpu);
    cpu.calls(LHCALL_LOAD_IDT_ENTRY, [33, HANDLER, TRAP_GATE]);
    cpu.calls(LHCALL_HALT, [0; 3]);
    set_data(&mut guest, 0, 0);
    set_data(&mut guest, 4, 1 << 1);
    assert_eq!(run(&mut guest, &mut cpu), Stop::Halted(Nanos::NEVER));
    guest.interrupts.raise(1);
    assert_eq!(run(&mut guest, &mut cpu), Stop::Halted(Nanos::NEVER));
    set_data(&mut guest, 4, 0);
    until_preempted(&mut guest, &mut cpu);
    assert_eq!(cpu.entries.last().unwrap().eip, HANDLER);
}

#[test]
fn queued_calls_come_before_the_one_just_made() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = running_guest(&mut cpu);
    queue(&mut guest, 0, [LHCALL_TS, 8, 0, 0, 0]);
    queue(&mut guest, 1, [LHCALL_NOTIFY, 0x77, 0, 0, 0]);
    queue(&mut guest, 2, [LHCALL_TS, 0, 0, 0, 0]);
    cpu.calls(LHCALL_NOTIFY, [0x88, 0, 0]);
    assert_eq!(run(&mut guest, &mut cpu), Stop::Notify(GuestPhys(0x77)));
    assert!(guest.task_switched, "only what stands before it has been done");
    assert_eq!(run(&mut guest, &mut cpu), Stop::Notify(GuestPhys(0x88)));
    assert!(!guest.task_switched);
}

#[test]
fn in_and_cli_are_emulated_and_hlt_is_not() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = running_guest(&mut cpu);
    cpu.calls(LHCALL_LOAD_IDT_ENTRY, [13, HANDLER, TRAP_GATE]);
    guest.memory.write_from(GuestPhys(0x1000), &[0xFA, 0xEC, 0xF4]).unwrap();
    cpu.then(13, 0, 0).then(13, 0, 0).then(13, 0, 0);
    until_preempted(&mut guest, &mut cpu);
    let eips: Vec<u32> = cpu.entries.iter().rev().take(3).map(|regs| regs.eip).collect();
    assert_eq!(eips, [HANDLER, 0x1002, 0x1001]);
    assert_eq!(cpu.entries.last().unwrap().eax & 0xFF, 0xFF);
}

#[test]
fn an_nmi_and_a_device_of_the_host_are_not_the_guests() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = running_guest(&mut cpu);
    cpu.then(2, 0, 0).then(0x24, 0, 0).then(0x27, 0, 0);
    until_preempted(&mut guest, &mut cpu);
    assert_eq!(cpu.nmis, 1);
    assert!(cpu.entries.iter().rev().take(3).all(|regs| regs.eip == 0x1000));
}

#[test]
fn a_restart_needs_no_last_words_and_a_power_off_does() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = running_guest(&mut cpu);
    cpu.calls(LHCALL_SHUTDOWN, [0xFFFF_FFFF, SHUTDOWN_RESTART, 0]);
    assert!(matches!(run(&mut guest, &mut cpu), Stop::Shutdown(end) if end.restart));
    cpu.calls(LHCALL_SHUTDOWN, [0xFFFF_FFFF, SHUTDOWN_POWEROFF, 0]);
    assert!(matches!(run(&mut guest, &mut cpu), Stop::Killed(KillReason::OutOfGuestMemory { .. })));
}

/// Maps the first 4 MiB onto themselves, with tables at 0x9000 and 0xA000.
fn identity_map(guest: &mut Guest<Ram>) {
    guest.memory.write_u32(GuestPhys(0x9000), 0xA007).unwrap();
    for page in 0..16 {
        guest.memory.write_u32(GuestPhys(0xA000 + 4 * page), page << 12 | 7).unwrap();
    }
}

#[test]
fn a_slice_ends_between_two_queued_calls() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = running_guest(&mut cpu);
    for slot in 0..4 {
        queue(&mut guest, slot, [LHCALL_TS, 8, 0, 0, 0]);
    }
    (cpu.slice_end, cpu.pace) = (Nanos(2), Nanos(1));
    cpu.calls(LHCALL_NOTIFY, [0x66, 0, 0]);
    assert_eq!(run(&mut guest, &mut cpu), Stop::Preempted);
    assert!(guest.task_switched && !guest.shared.as_ref().unwrap().ring.copies().is_empty());
    (cpu.slice_end, cpu.pace) = (Nanos(9), Nanos(1));
    assert_eq!(run(&mut guest, &mut cpu), Stop::Notify(GuestPhys(0x66)), "the call itself comes last");
    assert!(guest.shared.as_ref().unwrap().ring.copies().is_empty());
}

fn queue(guest: &mut Guest<Ram>, slot: u32, call: [u32; 5]) {
    for (index, value) in (0..).zip(call) {
        set_data(guest, LAYOUT_C.hcalls + slot * 20 + 4 * index, value);
    }
    let status = GuestPhys(LGUEST_DATA_AT.0 + LAYOUT_C.hcall_status + slot);
    guest.memory.write_u8(status, 0).unwrap();
}
