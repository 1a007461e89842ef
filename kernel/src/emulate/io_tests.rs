//! #GP in the run loop: what is performed, how far the code is looked at, what is reflected.
//!
//! Longer than most files: a case for each instruction a Guest may use, and for each that it may not.

use abi::hypercall::{LHCALL_LOAD_GDT_ENTRY, LHCALL_LOAD_IDT_ENTRY, LHCALL_NEW_PGTABLE};
use abi::lguest_data::SWITCHER_BASE;
use abi::{GuestPhys, KillReason, Stop};

use super::*;
use crate::cpu::Attention;
use crate::cpu::eflags::{RF, TF};
use crate::decode::Register;
use crate::guest::segment::{KERNEL_CS, KERNEL_DS};
use crate::run::run;
use crate::scripted::{Ram, ScriptedCpu, running_guest};

const START: u32 = 0x1000;
const PROTECTION_HANDLER: u32 = 0x4000;
const DEBUG_HANDLER: u32 = 0x4800;
const TRAP_GATE: u32 = 0x8F00;
const DIRECTORY: u32 = 0x9000;
const TABLE: u32 = 0xA000;
/// EAX before each instruction, so that its parts can be told apart.
const MARK: u32 = 0x1122_3344;

/// A Guest at [`START`], where `code` lies, with handlers for #GP and #DB.
fn guest_at(code: &[u8], cpu: &mut ScriptedCpu) -> Guest<Ram> {
    let mut guest = running_guest(cpu);
    cpu.calls(LHCALL_LOAD_IDT_ENTRY, [13, PROTECTION_HANDLER, TRAP_GATE]);
    cpu.calls(LHCALL_LOAD_IDT_ENTRY, [1, DEBUG_HANDLER, TRAP_GATE]);
    guest.memory.write_from(GuestPhys(START), code).unwrap();
    (guest.regs.eip, guest.stack) = (START, (KERNEL_DS, 0x7000));
    guest
}

/// Lets the Guest raise #GP with `code` where it stands; its registers when it next runs.
fn fault(guest: &mut Guest<Ram>, cpu: &mut ScriptedCpu, code: u32) -> GuestRegs {
    cpu.scenes.push_back(Box::new(move |pages| {
        let regs = &mut pages.stack.regs;
        (regs.trapnum, regs.errcode, regs.eax) = (13, code, MARK);
        regs.eflags |= RF;
        0
    }));
    cpu.attention = Attention::Wanted;
    cpu.then(0x20, 0, 0);
    assert_eq!(run(guest, cpu), Stop::Preempted);
    *cpu.entries.last().unwrap()
}

/// The registers of a Guest after it raised #GP at `code`.
fn after(code: &[u8]) -> GuestRegs {
    let mut cpu = ScriptedCpu::default();
    fault(&mut guest_at(code, &mut cpu), &mut cpu, 0)
}

/// Turns paging on: each of the first 16 pages is itself, but the second is page 5.
fn turn_paging_on(guest: &mut Guest<Ram>, cpu: &mut ScriptedCpu) {
    guest.memory.write_u32(GuestPhys(DIRECTORY), TABLE | 7).unwrap();
    for page in 0..16 {
        set_entry(guest, page, page << 12 | 7);
    }
    set_entry(guest, 2, 0x5007);
    cpu.calls(LHCALL_NEW_PGTABLE, [DIRECTORY, 0, 0]);
}

fn set_entry(guest: &mut Guest<Ram>, page: u32, entry: u32) {
    guest.memory.write_u32(GuestPhys(TABLE + 4 * page), entry).unwrap();
}

fn word(guest: &Guest<Ram>, at: u32) -> u32 {
    guest.memory.read_u32(GuestPhys(at)).unwrap()
}

fn was_accessed(guest: &Guest<Ram>, page: u32) -> bool {
    word(guest, TABLE + 4 * page) & 0x20 != 0
}

#[test]
fn debug_registers_are_the_guests_own() {
    // DR0, DR3, DR6, DR4; what is written is MARK.
    for (modrm, value) in [(0xC0, MARK), (0xD8, MARK), (0xF0, 0xFFFF_2FF4), (0xE0, 0xFFFF_2FF4)] {
        let mut cpu = ScriptedCpu::default();
        let mut guest = guest_at(&[0x0F, 0x23, modrm, 0x0F, 0x21, modrm], &mut cpu);
        let regs = fault(&mut guest, &mut cpu, 0);
        assert_eq!((regs.eip, regs.eax), (START + 3, MARK), "written");
        let regs = fault(&mut guest, &mut cpu, 0);
        assert_eq!((regs.eip, regs.eax), (START + 6, value), "read");
    }
}

/// MOV DR7, EBX.
const WRITE_DR7: [u8; 3] = [0x0F, 0x23, 0xFB];

#[test]
fn a_first_breakpoint_ends_the_turn() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = guest_at(&WRITE_DR7, &mut cpu);
    guest.regs.ebx = 1;
    cpu.then(13, 0, 0);
    assert_eq!(run(&mut guest, &mut cpu), Stop::Preempted);
    assert!(guest.is_debugged && cpu.scenes.is_empty());
    assert_eq!((guest.regs.eip, guest.debug_registers.get(7)), (START + 3, 0x401));
}

#[test]
fn an_access_that_is_to_be_detected_is_not_performed() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = guest_at(&WRITE_DR7, &mut cpu);
    guest.debug_registers.set(7, 1 << 13);
    let regs = fault(&mut guest, &mut cpu, 0);
    assert_eq!(regs.eip, DEBUG_HANDLER);
    assert_eq!([6, 7].map(|number| guest.debug_registers.get(number)), [0xFFFF_2FF0, 0x400]);
    assert_eq!(word(&guest, regs.esp), START, "the frame leads back to it");
}

#[test]
fn each_width_of_in_fills_its_part_of_eax() {
    let cases: [(&[u8], u32); 6] = [
        (&[0xEC], 0x1122_33FF),
        (&[0xE4, 0x60], 0x1122_33FF),
        (&[0x66, 0xED], 0x1122_FFFF),
        (&[0x66, 0xE5, 0x60], 0x1122_FFFF),
        (&[0xED], 0xFFFF_FFFF),
        (&[0xE5, 0x60], 0xFFFF_FFFF),
    ];
    for (code, eax) in cases {
        let regs = after(code);
        assert_eq!((regs.eax, regs.eip), (eax, START + code.len() as u32), "{code:02x?}");
    }
}

#[test]
fn what_kernels_wait_at_is_never_busy() {
    assert_eq!(after(&[0xE4, 0x42]).eax, 0x1122_3300);
    assert_eq!(after(&[0xE4, 0x64]).eax, 0x1122_3301);
    assert_eq!(after(&[0x66, 0xE5, 0x64]).eax, 0x1122_FF01);
}

#[test]
fn out_and_cli_change_nothing_but_eip() {
    let cases: [&[u8]; 7] =
        [&[0xFA], &[0xEE], &[0xE6, 0x80], &[0x66, 0xEF], &[0x66, 0xE7, 0x80], &[0xEF], &[0xE7, 0x80]];
    for code in cases {
        let mut cpu = ScriptedCpu::default();
        let regs = fault(&mut guest_at(code, &mut cpu), &mut cpu, 0);
        let before = cpu.entries[cpu.entries.len() - 2];
        let eip = START + code.len() as u32;
        assert_eq!(regs, GuestRegs { eip, eax: MARK, trapnum: 13, ..before }, "{code:02x?}");
    }
}

#[test]
fn an_instruction_may_lie_across_two_pages_that_are_no_neighbours() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = guest_at(&[], &mut cpu);
    turn_paging_on(&mut guest, &mut cpu);
    guest.memory.write_from(GuestPhys(0x1FFF), &[0x66, 0xFA]).unwrap();
    guest.memory.write_from(GuestPhys(0x5000), &[0xE5, 0x60]).unwrap();
    guest.regs.eip = 0x1FFF;
    let regs = fault(&mut guest, &mut cpu, 0);
    assert_eq!((regs.eax, regs.eip), (0x1122_FFFF, 0x2002));
}

#[test]
fn no_page_behind_the_instruction_is_touched() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = guest_at(&[], &mut cpu);
    turn_paging_on(&mut guest, &mut cpu);
    guest.memory.write_u8(GuestPhys(0x1FFF), 0xEC).unwrap();
    guest.regs.eip = 0x1FFF;
    assert_eq!(fault(&mut guest, &mut cpu, 0).eip, 0x2000);
    assert!(was_accessed(&guest, 1) && !was_accessed(&guest, 2));
}

#[test]
fn code_that_cannot_be_read_is_reflected_and_kills_nobody() {
    let beyond_memory = 0x0FFF_F007;
    for second_page in [0, beyond_memory] {
        let mut cpu = ScriptedCpu::default();
        let mut guest = guest_at(&[], &mut cpu);
        turn_paging_on(&mut guest, &mut cpu);
        set_entry(&mut guest, 2, second_page);
        guest.memory.write_u8(GuestPhys(0x1FFF), 0xE4).unwrap();
        guest.regs.eip = 0x1FFF;
        let regs = fault(&mut guest, &mut cpu, 0);
        assert_eq!((regs.eip, word(&guest, regs.esp + 4)), (PROTECTION_HANDLER, 0x1FFF));
    }
}

#[test]
fn the_switchers_own_code_is_not_looked_at() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = guest_at(&[], &mut cpu);
    guest.regs.eip = SWITCHER_BASE;
    let regs = fault(&mut guest, &mut cpu, 0);
    assert_eq!((regs.eip, word(&guest, regs.esp + 4)), (PROTECTION_HANDLER, SWITCHER_BASE));
}

#[test]
fn ring_3_has_no_ports() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = guest_at(&[0xED], &mut cpu);
    cpu.calls(LHCALL_LOAD_GDT_ENTRY, [14, 0xFFFF, 0x00CF_FA00]);
    (guest.regs.cs, guest.regs.ss) = (0x73, 0x7B);
    let regs = fault(&mut guest, &mut cpu, 0);
    assert_eq!((regs.eip, regs.cs, regs.eax), (PROTECTION_HANDLER, KERNEL_CS, MARK));
    let frame: [u32; 3] = core::array::from_fn(|index| word(&guest, regs.esp + 4 * index as u32));
    assert_eq!((regs.esp, frame), (0x7000 - 24, [0, START, 0x73]));
}

#[test]
fn an_error_code_is_about_something_else() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = guest_at(&[0xED], &mut cpu);
    let regs = fault(&mut guest, &mut cpu, 0x58);
    assert_eq!((regs.eip, regs.eax), (PROTECTION_HANDLER, MARK));
    assert_eq!((word(&guest, regs.esp), word(&guest, regs.esp + 4)), (0x58, START));
}

#[test]
fn string_io_and_other_privileged_code_is_reflected() {
    let cases: [&[u8]; 6] =
        [&[0x6C], &[0xF3, 0x6F], &[0xFB], &[0xF4], &[0x0F, 0x01, 0x10], &[0x0F, 0x20, 0xE0]];
    for code in cases {
        let regs = after(code);
        assert_eq!((regs.eip, regs.eax), (PROTECTION_HANDLER, MARK), "{code:02x?}");
    }
}

#[test]
fn code_that_is_not_flat_and_32_bit_is_not_decoded() {
    let flat = 0x00CF_9A00;
    for high in [flat & !(1 << 22), flat | 1] {
        let mut cpu = ScriptedCpu::default();
        let mut guest = guest_at(&[0xED], &mut cpu);
        cpu.calls(LHCALL_LOAD_GDT_ENTRY, [12, 0xFFFF, high]);
        assert_eq!(fault(&mut guest, &mut cpu, 0).eip, PROTECTION_HANDLER, "{high:#x}");
    }
}

#[test]
fn cr4_can_be_read_while_there_is_no_handler() {
    for number in 0..8 {
        let mut cpu = ScriptedCpu::default();
        let mut guest = guest_at(&[0x0F, 0x20, 0xE0 | number], &mut cpu);
        cpu.calls(LHCALL_LOAD_IDT_ENTRY, [13, 0, 0]);
        let mut regs = fault(&mut guest, &mut cpu, 0);
        let by_number = [Register::Eax, Register::Ecx, Register::Edx, Register::Ebx];
        let rest = [Register::Esp, Register::Ebp, Register::Esi, Register::Edi];
        let into = *by_number.iter().chain(&rest).nth(usize::from(number)).unwrap();
        assert_eq!((*into.of(&mut regs), regs.eip), (0x600, START + 3));
    }
}

#[test]
fn cr0_says_that_there_is_an_fpu_while_there_is_no_handler() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = guest_at(&[0x0F, 0x20, 0xC0], &mut cpu);
    cpu.calls(LHCALL_LOAD_IDT_ENTRY, [13, 0, 0]);
    let cr0 = fault(&mut guest, &mut cpu, 0).eax;
    assert_eq!(cr0, 0x8001_0033);
    assert_eq!(cr0 & 0b1100, 0, "neither EM nor TS, which it would have to clear");
}

#[test]
fn cr4_says_pae_to_a_guest_with_such_tables() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = guest_at(&[0x0F, 0x20, 0xE0], &mut cpu);
    cpu.calls(LHCALL_LOAD_IDT_ENTRY, [13, 0, 0]);
    guest.shadow.set_format(Some(Format::Pae));
    assert_eq!(fault(&mut guest, &mut cpu, 0).eax, 0x620);
}

#[test]
fn without_a_handler_any_other_fault_kills() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = guest_at(&[0x0F, 0x20, 0xD8], &mut cpu);
    cpu.calls(LHCALL_LOAD_IDT_ENTRY, [13, 0, 0]);
    cpu.then(13, 0, 0);
    let reason = KillReason::UnhandledTrap { vector: 13, eip: GuestLinear(START), code: 0, cr2: None };
    assert_eq!(run(&mut guest, &mut cpu), Stop::Killed(reason));
}

#[test]
fn a_debugger_can_step_over_it() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = guest_at(&[0xED], &mut cpu);
    guest.regs.eflags |= TF;
    let regs = fault(&mut guest, &mut cpu, 0);
    assert_eq!((regs.eip, regs.eax, regs.eflags & TF), (DEBUG_HANDLER, u32::MAX, 0));
    let [eip, cs, eflags] = [0, 4, 8].map(|offset| word(&guest, regs.esp + offset));
    assert_eq!((eip, cs, eflags & (TF | RF)), (START + 1, KERNEL_CS, TF), "a trap: behind it, RF clear");
}

/// Where the Guest stops that executes `code` with DX `port`, and its registers when it has got
/// `answer`.
fn stop_at(code: &[u8], port: u32, answer: u32) -> (Stop, GuestRegs) {
    let mut cpu = ScriptedCpu::default();
    let mut guest = guest_at(code, &mut cpu);
    cpu.scenes.push_back(Box::new(move |pages| {
        let regs = &mut pages.stack.regs;
        (regs.trapnum, regs.errcode, regs.eax, regs.edx) = (13, 0, MARK, port);
        0
    }));
    let stop = run(&mut guest, &mut cpu);
    guest.answer(answer);
    (stop, guest.regs)
}

#[test]
fn pcis_ports_are_the_launchers() {
    let cases: [(&[u8], u32, Width, u32); 4] = [
        (&[0xED], 0xCF8, Width::Dword, 0x8899_AABB),
        (&[0x66, 0xED], 0xCFE, Width::Word, 0x1122_AABB),
        (&[0xEC], 0xFFFF_0CFF, Width::Byte, 0x1122_33BB),
        (&[0xED], 0xCF6, Width::Dword, 0x8899_AABB),
    ];
    for (code, port, width, eax) in cases {
        let (stop, regs) = stop_at(code, port, 0x8899_AABB);
        assert_eq!(stop, Stop::Read { from: Place::Port(port as u16), width }, "{code:02x?}");
        assert_eq!((regs.eax, regs.eip), (eax, START + code.len() as u32));
    }
    let (stop, regs) = stop_at(&[0x66, 0xEF], 0xCF8, 0);
    assert_eq!(stop, Stop::Write { to: Place::Port(0xCF8), width: Width::Word, value: 0x3344 });
    assert_eq!((regs.eax, regs.eip), (MARK, START + 2));
}
