//! Gates, asked for and given.

use super::*;
use proptest::prelude::*;

const TRAP: u32 = 0xC012_8F00;
const INTERRUPT: u32 = 0xC012_EE00;

fn gate(idt: &GuestIdt, vector: usize) -> u64 {
    idt.exceptions[vector]
}

#[test]
fn a_trap_gate_is_direct_and_an_interrupt_gate_is_not() {
    let mut idt = GuestIdt::default();
    idt.load_entry(0, 0x10_3456, TRAP).unwrap();
    idt.load_entry(3, 0x10_3456, INTERRUPT).unwrap();
    assert_eq!(gate(&idt, 0), 0xC012_8F00_0061_3456);
    assert_eq!(gate(&idt, 3), stub_gate(3, 3));
    let handler = Handler { eip: 0xC012_3456, is_interrupt_gate: true };
    assert_eq!(idt.handler(3), Some(handler));
}

#[test]
fn the_host_always_sees_page_faults_first() {
    let mut idt = GuestIdt::default();
    for vector in [2, 7, 8, 13, 14, 15, 18, 31] {
        let before = gate(&idt, vector as usize);
        idt.load_entry(vector, 0, TRAP).unwrap();
        assert_eq!(gate(&idt, vector as usize), before);
    }
}

#[test]
fn an_undefined_opcode_that_may_be_a_call_comes_to_the_host() {
    let mut idt = GuestIdt::default();
    idt.keep_undefined_opcodes(true);
    idt.load_entry(6, 0, TRAP).unwrap();
    assert_eq!(gate(&idt, 6), stub_gate(6, 0));
}

#[test]
fn a_debugged_guest_enters_no_handler_directly() {
    let mut idt = GuestIdt::default();
    idt.load_entry(0, 0x10_3456, TRAP).unwrap();
    idt.load_entry(0x80, 0x10_3456, TRAP | 3 << 13).unwrap();
    let direct = [gate(&idt, 0), gate(&idt, 3), idt.syscall];
    idt.keep_all(true);
    idt.load_entry(4, 0x10_3456, TRAP).unwrap();
    let kept = [gate(&idt, 0), gate(&idt, 3), gate(&idt, 4), idt.syscall];
    assert_eq!(kept, [stub_gate(0, 0), stub_gate(3, 3), stub_gate(4, 0), stub_gate(0x80, 3)]);
    idt.keep_all(false);
    assert_eq!([gate(&idt, 0), gate(&idt, 3), idt.syscall], direct);
    assert_eq!([idt.dpl(3), idt.dpl(0), idt.dpl(0x80)], [0, 0, 3]);
}

#[test]
fn a_debug_exception_comes_to_the_host_from_whom_the_guest_allows() {
    let mut idt = GuestIdt::default();
    idt.load_entry(1, 0, TRAP | 3 << 13).unwrap();
    assert_eq!(gate(&idt, 1), stub_gate(1, 3));
}

#[test]
fn a_stub_that_counts_on_an_error_code_is_closed_to_software() {
    let mut idt = GuestIdt::default();
    for vector in [10, 11, 12, 17] {
        idt.load_entry(vector.into(), 0, INTERRUPT).unwrap();
        assert_eq!(gate(&idt, vector.into()), stub_gate(vector, 0));
        assert!(idt.handler(vector).is_some(), "the fault itself is still reflected");
    }
}

#[test]
fn a_task_gate_is_refused() {
    let refused = GuestIdt::default().load_entry(3, 0, 0x8500);
    assert_eq!(refused, Err(DescriptorError::GateType { vector: 3, high: 0x8500 }.into()));
}

#[test]
fn taking_a_gate_away_closes_the_vector() {
    let mut idt = GuestIdt::default();
    idt.load_entry(0x80, 0, 0xEF00).unwrap();
    idt.load_entry(0x80, 0, 0).unwrap();
    assert_eq!((idt.syscall, idt.handler(0x80)), (default_gate(0x80), None));
}

proptest! {
    #[test]
    fn what_is_not_direct_has_the_reason_that_keeps_it(vector: u8, low: u32, high: u32, keeps: bool) {
        let mut idt = GuestIdt::default();
        idt.keep_undefined_opcodes(keeps);
        let _refused = idt.load_entry(vector.into(), low, high | 0x8E00);
        if let Some((handler, _, route)) = idt.route(vector) {
            prop_assert_eq!(idt.handler(vector), Some(handler));
            let is_line = vector >= 32 && vector != SYSCALL_VECTOR;
            prop_assert_eq!(route == Route::VirtualLine, is_line);
            prop_assert_eq!(route == Route::MayBeCall, keeps && vector == 6);
            let may = !is_line && may_be_direct(vector) && !(keeps && vector == 6);
            prop_assert_eq!(route == Route::Direct, may && !handler.is_interrupt_gate);
            prop_assert_eq!(route == Route::ClearsFlag, may && handler.is_interrupt_gate);
        }
    }

    #[test]
    fn a_direct_gate_always_lands_in_ring_1(vector in 0..256_u32, low: u32, high: u32) {
        let mut idt = GuestIdt::default();
        let _refused = idt.load_entry(vector, low, high);
        let mut table = [0; IDT_ENTRIES];
        idt.copy_changes(&mut table);
        for (vector, gate) in table.into_iter().enumerate().filter(|(_, gate)| *gate != 0) {
            let lands_in_ring_1 = gate.get_bits(16..32) == u64::from(KERNEL_CS);
            let is_stub = gate == stub_gate(vector as u8, gate.get_bits(45..47) as u8);
            prop_assert!(lands_in_ring_1 || is_stub);
        }
    }
}
