//! #PF where a device shows its registers: what the Launcher is told, and what the Guest is.

use abi::hypercall::{LHCALL_LOAD_GDT_ENTRY, LHCALL_LOAD_IDT_ENTRY, LHCALL_NEW_PGTABLE};
use abi::{KillReason, Stop, Width};
use switcher::GuestRegs;

use super::*;
use crate::cpu::Attention;
use crate::cpu::eflags::{RF, TF};
use crate::guest::segment::KERNEL_DS;
use crate::run::run;
use crate::scripted::{LGUEST_DATA_AT, Ram, ScriptedCpu, running_guest};

const CODE: u32 = 0x1000;
const FAULT_HANDLER: u32 = 0x4000;
const DEBUG_HANDLER: u32 = 0x4800;
const TRAP_GATE: u32 = 0x8F00;
const DIRECTORY: u32 = 0x9000;
const TABLE: u32 = 0xA000;
/// The page right above the 64 KiB of memory.
const DEVICE: GuestPhys = GuestPhys(0x1_0000);
/// Where the Guest sees it.
const HERE: u32 = 0x2_0000;
const READ: u32 = 0;
const WRITE: u32 = 2;
const USER: u32 = 4;

/// A Guest with paging on, `code` at [`CODE`], EBX at offset 0x14 of a device's page.
fn guest_at(code: &[u8], cpu: &mut ScriptedCpu) -> Guest<Ram> {
    let mut guest = running_guest(cpu);
    guest.shadow.set_device_limit(DEVICE.0 + PAGE_SIZE);
    guest.memory.write_from(GuestPhys(CODE), code).unwrap();
    guest.memory.write_u32(GuestPhys(DIRECTORY), TABLE | 7).unwrap();
    for page in 0..16 {
        set_entry(&mut guest, page, page << 12 | 7);
    }
    set_entry(&mut guest, HERE >> 12, DEVICE.0 | 7);
    cpu.calls(LHCALL_LOAD_IDT_ENTRY, [14, FAULT_HANDLER, TRAP_GATE]);
    cpu.calls(LHCALL_LOAD_IDT_ENTRY, [1, DEBUG_HANDLER, TRAP_GATE]);
    cpu.calls(LHCALL_LOAD_GDT_ENTRY, [14, 0xFFFF, 0x00CF_FA00]);
    cpu.calls(LHCALL_NEW_PGTABLE, [DIRECTORY, 0, 0]);
    guest.stack = (KERNEL_DS, 0x7000);
    (guest.regs.eip, guest.regs.ebx, guest.regs.eax) = (CODE, HERE + 0x14, 0x1122_3344);
    guest
}

fn set_entry(guest: &mut Guest<Ram>, page: u32, entry: u32) {
    guest.memory.write_u32(GuestPhys(TABLE + 4 * page), entry).unwrap();
}

/// Lets the Guest raise #PF with `code` at `at`; why it stops.
fn fault_at(guest: &mut Guest<Ram>, cpu: &mut ScriptedCpu, at: u32, code: u32) -> Stop {
    let (eax, ebx) = (guest.regs.eax, guest.regs.ebx);
    cpu.scenes.push_back(Box::new(move |pages| {
        let regs = &mut pages.stack.regs;
        (regs.trapnum, regs.errcode, regs.eax, regs.ebx) = (14, code, eax, ebx);
        regs.eflags |= RF;
        at
    }));
    cpu.attention = Attention::Wanted;
    cpu.then(0x20, 0, 0);
    run(guest, cpu)
}

fn fault(guest: &mut Guest<Ram>, cpu: &mut ScriptedCpu, code: u32) -> Stop {
    fault_at(guest, cpu, HERE + 0x14, code)
}

/// The registers it goes on with.
fn go_on(guest: &mut Guest<Ram>, cpu: &mut ScriptedCpu) -> GuestRegs {
    cpu.scenes.clear();
    cpu.then(0x20, 0, 0);
    assert_eq!(run(guest, cpu), Stop::Preempted);
    *cpu.entries.last().unwrap()
}

fn word(guest: &Guest<Ram>, at: u32) -> u32 {
    guest.memory.read_u32(GuestPhys(at)).unwrap()
}

fn written(width: Width, value: u32) -> Stop {
    Stop::Write { to: Place::Memory(GuestPhys(DEVICE.0 + 0x14)), width, value }
}

fn asked(width: Width) -> Stop {
    Stop::Read { from: Place::Memory(GuestPhys(DEVICE.0 + 0x14)), width }
}

/// What the Guest's own handler of #PF finds: error code, EIP and CR2.
fn reflected(guest: &Guest<Ram>, cpu: &ScriptedCpu) -> [u32; 3] {
    let regs = cpu.entries.last().unwrap();
    assert_eq!(regs.eip, FAULT_HANDLER);
    [word(guest, regs.esp), word(guest, regs.esp + 4), word(guest, LGUEST_DATA_AT.0 + 8)]
}

#[test]
fn a_write_is_told_and_the_guest_is_behind_it() {
    let cases: [(&[u8], Width, u32); 6] = [
        (&[0x89, 0x03], Width::Dword, 0x1122_3344),
        (&[0x66, 0x89, 0x03], Width::Word, 0x3344),
        (&[0x88, 0x23], Width::Byte, 0x33),
        (&[0xC7, 0x03, 7, 6, 5, 4], Width::Dword, 0x0405_0607),
        (&[0xA3, 0x14, 0, 2, 0], Width::Dword, 0x1122_3344),
        (&[0xC6, 0x84, 0x21, 0x14, 0, 2, 0, 9], Width::Byte, 9),
    ];
    for (code, width, value) in cases {
        let mut cpu = ScriptedCpu::default();
        let mut guest = guest_at(code, &mut cpu);
        guest.regs.esp = 0;
        assert_eq!(fault(&mut guest, &mut cpu, WRITE), written(width, value), "{code:02x?}");
        assert_eq!((guest.regs.eip, guest.regs.eflags & RF), (CODE + code.len() as u32, 0));
    }
}

#[test]
fn an_answer_lands_where_the_instruction_says() {
    let cases: [(&[u8], Width, u32); 6] = [
        (&[0x8B, 0x03], Width::Dword, 0x8899_AABB),
        (&[0x66, 0x8B, 0x03], Width::Word, 0x1122_AABB),
        (&[0x8A, 0x23], Width::Byte, 0x1122_BB44),
        (&[0x0F, 0xB7, 0x03], Width::Word, 0xAABB),
        (&[0x0F, 0xBE, 0x03], Width::Byte, 0xFFFF_FFBB),
        (&[0x66, 0x0F, 0xB6, 0x03], Width::Byte, 0x1122_00BB),
    ];
    for (code, width, eax) in cases {
        let mut cpu = ScriptedCpu::default();
        let mut guest = guest_at(code, &mut cpu);
        assert_eq!(fault(&mut guest, &mut cpu, READ), asked(width), "{code:02x?}");
        guest.answer(0x8899_AABB);
        let regs = go_on(&mut guest, &mut cpu);
        assert_eq!((regs.eax, regs.eip), (eax, CODE + code.len() as u32), "{code:02x?}");
    }
}

#[test]
fn an_answer_may_be_reckoned_with() {
    const ZF: u32 = 1 << 6;
    let cases: [(&[u8], Width, u32, u32); 5] = [
        (&[0x80, 0x3B, 0xBB], Width::Byte, 0x1122_3344, ZF),
        (&[0xF6, 0x03, 0x44], Width::Byte, 0x1122_3344, ZF),
        (&[0x66, 0x39, 0x03], Width::Word, 0x1122_3344, 0),
        (&[0x0B, 0x03], Width::Dword, 0x99BB_BBFF, 0),
        (&[0x66, 0x23, 0x03], Width::Word, 0x1122_2200, 0),
    ];
    for (code, width, eax, zf) in cases {
        let mut cpu = ScriptedCpu::default();
        let mut guest = guest_at(code, &mut cpu);
        assert_eq!(fault(&mut guest, &mut cpu, READ), asked(width), "{code:02x?}");
        guest.answer(0x8899_AABB);
        let regs = go_on(&mut guest, &mut cpu);
        let behind = CODE + code.len() as u32;
        assert_eq!((regs.eax, regs.eip, regs.eflags & ZF), (eax, behind, zf), "{code:02x?}");
    }
}

#[test]
fn an_answer_counts_once_and_only_for_a_read() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = guest_at(&[0x89, 0x03], &mut cpu);
    assert_eq!(fault(&mut guest, &mut cpu, WRITE), written(Width::Dword, 0x1122_3344));
    guest.answer(5);
    assert_eq!(go_on(&mut guest, &mut cpu).eax, 0x1122_3344);
    let mut guest = guest_at(&[0x8B, 0x03], &mut cpu);
    assert_eq!(fault(&mut guest, &mut cpu, READ), asked(Width::Dword));
    guest.answer(5);
    guest.answer(6);
    assert_eq!(go_on(&mut guest, &mut cpu).eax, 5);
}

#[test]
fn a_read_without_an_answer_is_all_ones() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = guest_at(&[0x66, 0x8B, 0x03], &mut cpu);
    assert_eq!(fault(&mut guest, &mut cpu, READ), asked(Width::Word));
    assert_eq!(go_on(&mut guest, &mut cpu).eax, 0x1122_FFFF);
}

#[test]
fn a_restart_forgets_what_was_asked() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = guest_at(&[0x8B, 0x03], &mut cpu);
    guest.regs.eflags |= TF;
    assert_eq!(fault(&mut guest, &mut cpu, READ), asked(Width::Dword));
    guest.reset(GuestPhys(CODE));
    guest.answer(7);
    let regs = go_on(&mut guest, &mut cpu);
    assert_eq!((regs.eax, regs.eip), (0, CODE));
}

#[test]
fn the_frame_of_a_debugger_is_pushed_when_the_answer_has_landed() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = guest_at(&[0x8B, 0x23], &mut cpu); // mov esp, [ebx]
    guest.regs.eflags |= TF;
    assert_eq!(fault(&mut guest, &mut cpu, READ), asked(Width::Dword));
    guest.answer(0x6000);
    let regs = go_on(&mut guest, &mut cpu);
    assert_eq!((regs.eip, regs.esp), (DEBUG_HANDLER, 0x6000 - 12));
    assert_eq!(word(&guest, regs.esp), CODE + 2);
}

#[test]
fn a_user_may_touch_what_its_kernel_has_opened() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = guest_at(&[0x89, 0x03], &mut cpu);
    (guest.regs.cs, guest.regs.ss) = (0x73, 0x7B);
    assert_eq!(fault(&mut guest, &mut cpu, WRITE | USER), written(Width::Dword, 0x1122_3344));
    assert_eq!(guest.regs.eip, CODE + 2);
}

#[test]
fn what_the_guests_tables_forbid_is_its_own_fault() {
    for (flags, code) in [(3, USER), (5, WRITE), (5, WRITE | USER)] {
        let mut cpu = ScriptedCpu::default();
        let mut guest = guest_at(&[0x89, 0x03], &mut cpu);
        set_entry(&mut guest, HERE >> 12, DEVICE.0 | flags);
        assert_eq!(fault(&mut guest, &mut cpu, code), Stop::Preempted);
        assert_eq!(reflected(&guest, &cpu), [code | 1, CODE, HERE + 0x14]);
    }
}

#[test]
fn a_user_is_not_read_code_to_that_only_its_kernel_may_read() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = guest_at(&[0x89, 0x03], &mut cpu);
    set_entry(&mut guest, CODE >> 12, CODE | 3);
    (guest.regs.cs, guest.regs.ss) = (0x73, 0x7B);
    assert_eq!(fault(&mut guest, &mut cpu, WRITE | USER), Stop::Preempted);
    assert_eq!(reflected(&guest, &cpu), [WRITE | USER | 1, CODE, HERE + 0x14]);
}

#[test]
fn what_is_not_decoded_is_the_guests_own_fault() {
    // rep movsd; push [ebx]; lock xadd; xchg; fld; movq; add [ebx], eax.
    let cases: [&[u8]; 7] = [
        &[0xF3, 0xA5],
        &[0xFF, 0x33],
        &[0xF0, 0x0F, 0xC1, 0x03],
        &[0x87, 0x03],
        &[0xD9, 0x03],
        &[0x0F, 0x6F, 0x03],
        &[0x01, 0x03],
    ];
    for code in cases {
        let mut cpu = ScriptedCpu::default();
        let mut guest = guest_at(code, &mut cpu);
        assert_eq!(fault(&mut guest, &mut cpu, READ), Stop::Preempted, "{code:02x?}");
        assert_eq!(reflected(&guest, &cpu), [1, CODE, HERE + 0x14], "{code:02x?}");
    }
}

#[test]
fn what_the_cpu_did_not_do_is_not_done() {
    let elsewhere = |code: &[u8], at, error: u32| {
        let mut cpu = ScriptedCpu::default();
        let mut guest = guest_at(code, &mut cpu);
        assert_eq!(fault_at(&mut guest, &mut cpu, at, error), Stop::Preempted, "{code:02x?}");
        assert_eq!(reflected(&guest, &cpu), [error | 1, CODE, at]);
    };
    elsewhere(&[0x8B, 0x03], HERE, READ); // a segment that begins at -0x14, or the page before
    elsewhere(&[0x8B, 0x03], HERE + 0x14, WRITE); // it was another instruction that wrote
    elsewhere(&[0x89, 0x03], HERE + 0x14, READ); // ... or read
}

#[test]
fn an_access_across_the_end_of_a_page_is_refused() {
    let stop_at = |code: &[u8], offset| {
        let mut cpu = ScriptedCpu::default();
        let mut guest = guest_at(code, &mut cpu);
        guest.regs.ebx = HERE + offset;
        fault_at(&mut guest, &mut cpu, HERE + offset, READ)
    };
    for (code, last) in [(&[0x8B, 0x03][..], 0xFFC), (&[0x66, 0x8B, 0x03], 0xFFE), (&[0x8A, 0x03], 0xFFF)] {
        assert!(matches!(stop_at(code, last), Stop::Read { .. }), "{code:02x?}");
        if last < 0xFFF {
            assert_eq!(stop_at(code, last + 1), Stop::Preempted, "{code:02x?}");
        }
    }
}

#[test]
fn a_frame_above_all_devices_kills() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = guest_at(&[0x8B, 0x03], &mut cpu);
    set_entry(&mut guest, HERE >> 12, (DEVICE.0 + PAGE_SIZE) | 7);
    assert!(matches!(fault(&mut guest, &mut cpu, READ), Stop::Killed(KillReason::PageTable(_))));
}

#[test]
fn code_on_a_devices_page_is_no_code() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = guest_at(&[], &mut cpu);
    guest.regs.eip = HERE;
    assert_eq!(fault_at(&mut guest, &mut cpu, HERE, READ), Stop::Preempted);
    assert_eq!(reflected(&guest, &cpu), [1, HERE, HERE]);
}
