//! The run loop against a scripted CPU: what differs from year to year.

use abi::boot_params::E820_MAP;
use abi::hypercall::*;
use abi::kill::HypercallError;
use abi::lguest_data::IF;
use abi::{GuestMemory, GuestPhys, KillReason, Stop, Variant};

use super::tests::*;
use super::*;
use crate::cpu::Attention;
use crate::scripted::{LGUEST_DATA_AT, Ram, ScriptedCpu, new_guest, ram_with_data_of, running_guest};

/// A Guest of `variant` whose INIT, by trap `trapnum`, is the first scene.
fn initialised(variant: Variant, cpu: &mut ScriptedCpu, trapnum: u32) -> Guest<Ram> {
    let mut guest = new_guest(1);
    guest.memory = ram_with_data_of(variant);
    guest.memory.write_u32(GuestPhys(E820_MAP + 8), guest.memory.limit()).unwrap();
    guest.memory.write_from(GuestPhys(0x1000), &[0x0F, 0x01, 0xC1]).unwrap();
    cpu.scenes.push_back(Box::new(move |pages| {
        let regs = &mut pages.stack.regs;
        (regs.trapnum, regs.eax, regs.ebx, regs.edx) = (trapnum, 1, LGUEST_DATA_AT.0, LGUEST_DATA_AT.0);
        0
    }));
    cpu.attention = Attention::Wanted;
    cpu.then(0x20, 0, 0);
    assert_eq!(run(&mut guest, cpu), Stop::Preempted);
    guest
}

#[test]
fn old_guests_find_page_tables_and_are_told_where() {
    for (variant, pgdir) in [(Variant::AEbx, 1116), (Variant::B, 1376)] {
        let guest = initialised(variant, &mut ScriptedCpu::default(), 0x1F);
        let top = data(&guest, pgdir);
        assert_eq!(top, guest.memory.limit() - 0x1000);
        assert_eq!(word(&guest, top) & 0xFFF, 7);
        assert_eq!(word(&guest, top + 4 * 768), word(&guest, top));
    }
}

#[test]
fn init_is_cut_into_slices() {
    let mut cpu = ScriptedCpu::default();
    cpu.slice_end = Nanos(0);
    let mut guest = new_guest(1);
    guest.memory = ram_with_data_of(Variant::B);
    guest.memory.write_u32(GuestPhys(E820_MAP + 8), guest.memory.limit()).unwrap();
    cpu.calls(1, [LGUEST_DATA_AT.0, 0, 0]);
    let mut slices = 0;
    while guest.shared.is_none() {
        if guest.preparation.is_some() {
            cpu.attention = Attention::Wanted;
            cpu.then(0x20, 0, 0);
        }
        assert_eq!(run(&mut guest, &mut cpu), Stop::Preempted);
        slices += 1;
    }
    assert_eq!(slices, 3, "the search, a table, what leads to it");
    assert_eq!(data(&guest, 1376), guest.memory.limit() - 0x1000);
}

#[test]
fn a_vmcall_is_a_call_however_the_cpu_reports_it() {
    for trapnum in [6, 13] {
        let mut cpu = ScriptedCpu::default();
        let guest = initialised(Variant::AEbx, &mut cpu, trapnum);
        assert_eq!(cpu.entries.last().unwrap().eip, 0x1003, "it is stepped over");
        assert!(guest.shared.is_some());
        assert!(
            guest.exits.to_string().contains(" hypercall=1 page-fault=0 protection=0 fpu=0 exception=0 ")
        );
    }
}

#[test]
fn the_last_guests_are_interrupted_on_the_frame_they_were_about_to_pop() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = initialised(Variant::D, &mut cpu, 0x1F);
    cpu.calls(LHCALL_LOAD_IDT_ENTRY, [33, HANDLER, INTERRUPT_GATE]);
    until_preempted(&mut guest, &mut cpu);
    set_data(&mut guest, 0, IF);
    (guest.regs.eip, guest.regs.esp) = (crate::scripted::KERNEL + 0x100, 0x8000);
    guest.interrupts.raise(1);
    until_preempted(&mut guest, &mut cpu);
    let entered = cpu.entries.last().unwrap();
    assert_eq!((entered.eip, entered.esp), (HANDLER, 0x8000));
    assert_eq!(data(&guest, 0), 0);
}

#[test]
fn a_whole_gdt_is_loaded_and_one_too_long_is_not() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = running_guest(&mut cpu);
    guest.memory.write_u32(GuestPhys(0x5000 + 14 * 8 + 4), 0x00CF_FA00).unwrap();
    cpu.calls(LHCALL_LOAD_GDT, [0x5000, 32, 0]);
    until_preempted(&mut guest, &mut cpu);
    assert_eq!(cpu.pages().state.gdt[14], 0x00CF_FB00_0000_0000);
    cpu.calls(LHCALL_LOAD_GDT, [0x5000, 33, 0]);
    assert!(matches!(run(&mut guest, &mut cpu), Stop::Killed(KillReason::Descriptor(_))));
}

#[test]
fn middle_directories_are_paes_alone() {
    let mut cpu = ScriptedCpu::default();
    let mut guest = running_guest(&mut cpu);
    cpu.calls(LHCALL_SET_PMD, [0x5000, 0, 0]);
    let reason = HypercallError::Unknown { number: LHCALL_SET_PMD }.into();
    assert_eq!(run(&mut guest, &mut cpu), Stop::Killed(reason));
}
