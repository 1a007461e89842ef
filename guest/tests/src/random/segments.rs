//! Descriptors and gates, registers loaded with them, and interrupts by them.

use abi::hypercall::*;
use kit::segment_descriptor::SegmentDescriptor;
use kit::{segments, wild};
use random::{Code, places};

use super::Player;

/// Opcodes that load a segment register from AX, then read through it.
const LOADS: [&[u8]; 5] = [
    &[0x8E, 0xD8, 0xA1, 0, 0, 0, 0],
    &[0x8E, 0xC0, 0x26, 0xA1, 0, 0, 0, 0],
    &[0x8E, 0xD0, 0x50, 0x58],
    &[0x8E, 0xE0, 0x64, 0xA1, 0, 0, 0, 0],
    &[0x8E, 0xE8, 0x65, 0xA1, 0, 0, 0, 0],
];

impl Player {
    pub(super) fn play_segments(&mut self) {
        let [index, low, high, _] = self.any_segment();
        if self.dice.one_in(4) {
            let table = self.own_page();
            (0..6).for_each(|word| self.poke(table + 4 * word, if word % 2 == 0 { low } else { high }));
            self.call(LHCALL_LOAD_TLS, [table, 0, 0, 0]);
        } else {
            self.call(LHCALL_LOAD_GDT_ENTRY, [index, low, high, 0]);
        }
        let selector = if self.dice.one_in(2) {
            index << 3 | self.dice.below(8)
        } else {
            places::selector(&mut self.dice)
        };
        let mut code = Code::new();
        code.push(self.dice.pick(&LOADS));
        code.push(&[0xCD, 0x20]); // lands with the register as it is
        if self.dice.one_in(4) {
            code = Code::new();
            code.push_with(&[self.dice.pick(&[0x9A, 0xEA])], self.number());
            code.push(&(selector as u16).to_le_bytes());
        }
        if self.dice.one_in(2) {
            self.run(&code, &[selector; 8]);
        } else {
            self.run_at_ring_3(&code, &[selector; 8], 0x202);
        }
        self.repair_segment(index);
    }

    pub(super) fn play_gates(&mut self) {
        let [vector, low, high, _] = self.any_gate();
        self.call(LHCALL_LOAD_IDT_ENTRY, [vector, low, high, 0]);
        let mut code = Code::new();
        let vector = if vector == HYPERCALL_VECTOR.into() { 0x21 } else { vector };
        code.push(&[0xCD, vector as u8, 0xC3]);
        let registers = self.registers();
        if self.dice.one_in(2) {
            self.run(&code, &registers);
        } else {
            self.run_at_ring_3(&code, &registers, 0x202);
        }
        self.repair_gates();
    }

    /// The arguments of a LOAD_GDT_ENTRY.
    pub(super) fn any_segment(&mut self) -> [u32; 4] {
        let index = if self.is_reckless() { self.number() } else { self.dice.within(1..32) };
        let index = if (12..14).contains(&index) && !self.is_reckless() { 20 } else { index };
        let mut segment = SegmentDescriptor::data_at(self.number(), 1 + self.dice.below(3) as u8);
        if self.dice.one_in(2) {
            segment = SegmentDescriptor { low: self.dice.throw(), high: self.dice.throw() | 0x9000 };
        }
        [index, segment.low, segment.high, 0]
    }

    /// The arguments of a LOAD_IDT_ENTRY.
    pub(super) fn any_gate(&mut self) -> [u32; 4] {
        let vector = if self.is_reckless() { self.number() } else { self.any_vector() };
        let mut gate = wild::gate(vector as u8);
        if self.dice.one_in(2) {
            gate.low = gate.low & 0xFFFF | 0x61_0000; // another selector would be the end
            gate.high = gate.high & !0x6000 | self.dice.throw() & 0x6000;
        }
        if self.is_reckless() {
            (gate.low, gate.high) = (self.dice.throw(), self.dice.throw());
        }
        [vector, gate.low, gate.high, 0]
    }

    /// A vector that may be loaded.
    fn any_vector(&mut self) -> u32 {
        let vectors = wild::vectors().filter(|vector| !matches!(vector, 2 | 8 | 15 | 18 | 31)).count() as u32;
        let number = self.dice.below(vectors) as usize;
        wild::vectors()
            .filter(|vector| !matches!(vector, 2 | 8 | 15 | 18 | 31))
            .nth(number)
            .map_or(0x80, u32::from)
    }

    /// Makes one of the kernel's or its programs' segments flat again.
    pub(super) fn repair_segment(&mut self, index: u32) {
        match index {
            12 => segments::set(index, SegmentDescriptor::flat_code(1)),
            13 => segments::set(index, SegmentDescriptor::flat_data(1)),
            14 => segments::set(index, SegmentDescriptor::flat_code(3)),
            15 => segments::set(index, SegmentDescriptor::flat_data(3)),
            _ => {}
        }
    }

    /// Has all vectors land again.
    pub(super) fn repair_gates(&mut self) {
        wild::install();
    }
}
