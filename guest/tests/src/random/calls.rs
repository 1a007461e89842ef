//! Hypercalls: each number with arguments that make sense, and now and then with none that do.

use abi::hypercall::*;
use abi::lguest_data::RING_ENTRIES;
use core::sync::atomic::Ordering;
use kit::time::rdtsc;
use kit::user::trap_stack_top;
use kit::{pci, shared, trespass};

use super::Player;

/// Calls a step may make; what ends a Guest at once is left to recklessness and [`Player::play_end`].
const CALLS: [u32; 16] = [
    LHCALL_FLUSH_ASYNC,
    LHCALL_LOAD_GDT,
    LHCALL_NEW_PGTABLE,
    LHCALL_FLUSH_TLB,
    LHCALL_LOAD_IDT_ENTRY,
    LHCALL_SET_STACK,
    LHCALL_TS,
    LHCALL_SET_CLOCKEVENT,
    LHCALL_HALT,
    LHCALL_SET_PMD,
    LHCALL_SET_PTE,
    LHCALL_SET_PGD,
    LHCALL_LOAD_TLS,
    LHCALL_NOTIFY,
    LHCALL_LOAD_GDT_ENTRY,
    LHCALL_SEND_INTERRUPTS,
];

impl Player {
    pub(super) fn play_call(&mut self) {
        let (number, arguments) = self.any_call();
        self.call(number, arguments);
        self.repair_after(number);
    }

    pub(super) fn play_queued(&mut self) {
        let count = if self.dice.one_in(4) { RING_ENTRIES as u32 } else { 1 + self.dice.below(8) };
        for _ in 0..count {
            let (number, [a, b, c, _]) = self.any_call();
            if number != LHCALL_HALT || self.is_reckless() {
                trespass::queue(number, [a, b, c]);
            }
        }
        if self.dice.one_in(4) {
            let slot = self.dice.below(RING_ENTRIES as u32) as usize;
            shared::hcall_status(slot).store(self.dice.byte(), Ordering::Relaxed);
        }
        self.call(LHCALL_FLUSH_ASYNC, [0; 4]);
        self.repair_stack();
        (12..16).for_each(|index| self.repair_segment(index));
        self.repair_gates();
    }

    pub(super) fn play_time(&mut self) {
        let delay = if self.dice.one_in(4) { self.number() } else { 1 << self.dice.below(20) };
        match self.dice.below(3) {
            0 => self.call(LHCALL_SET_CLOCKEVENT, [delay, 0, 0, 0]),
            1 => self.call(LHCALL_HALT, [0; 4]),
            _ => {
                shared::blocked_interrupts().store(self.dice.throw(), Ordering::Relaxed);
                self.call(LHCALL_SEND_INTERRUPTS, [0; 4]);
            }
        }
    }

    /// Most of the time this does nothing, or nobody would get far.
    pub(super) fn play_end(&mut self) {
        if self.dice.one_in(16) {
            let text = self.places.physical(&mut self.dice);
            self.end(text, SHUTDOWN_RESTART);
        } else if self.is_reckless() {
            let [text, how] = [self.number(), self.number()];
            self.end(text, how);
        }
    }

    fn end(&mut self, text: u32, how: u32) {
        if how != SHUTDOWN_RESTART || rdtsc() < self.old {
            self.call(LHCALL_SHUTDOWN, [text, how, 0, 0]);
        }
    }

    /// A call and its arguments.
    fn any_call(&mut self) -> (u32, [u32; 4]) {
        if self.is_reckless() {
            let number = if self.dice.one_in(8) { self.number() } else { self.dice.below(24) };
            let number = if number == LHCALL_SHUTDOWN { LHCALL_FLUSH_ASYNC } else { number };
            return (number, core::array::from_fn(|_| self.number()));
        }
        let number = match self.dice.pick(&CALLS) {
            LHCALL_SET_PMD if !self.has_pae() => LHCALL_SET_PTE,
            LHCALL_NOTIFY if pci::is_here() => LHCALL_FLUSH_ASYNC, // there is no text there
            number => number,
        };
        (number, self.arguments_of(number))
    }

    fn arguments_of(&mut self, number: u32) -> [u32; 4] {
        match number {
            LHCALL_FLUSH_TLB | LHCALL_TS => [self.dice.below(2) * 8, 0, 0, 0],
            LHCALL_NEW_PGTABLE => [self.root(), 0, 0, 0],
            LHCALL_LOAD_IDT_ENTRY => self.any_gate(),
            LHCALL_SET_STACK => self.any_stack(),
            LHCALL_SET_CLOCKEVENT => [1 << self.dice.below(24), 0, 0, 0],
            LHCALL_SET_PTE => self.any_announcement(),
            LHCALL_SET_PMD if self.has_pae() => [self.own_page(), self.dice.below(512), 0, 0],
            LHCALL_SET_PGD => [self.root(), self.dice.below(if self.has_pae() { 3 } else { 768 }), 0, 0],
            LHCALL_LOAD_TLS => [self.own_page(), 0, 0, 0],
            LHCALL_NOTIFY => [self.text_place(), 0, 0, 0],
            LHCALL_LOAD_GDT_ENTRY => self.any_segment(),
            LHCALL_LOAD_GDT if self.is_reckless() => [self.own_page(), self.dice.below(40), 0, 0],
            _ => [0; 4],
        }
    }

    /// A stack for entries from ring 3: the right one, or a page to play with.
    fn any_stack(&mut self) -> [u32; 4] {
        let top = match self.dice.below(3) {
            0 => 0xC000_0000 + self.own_page() + 0x1000,
            1 => 0xC000_0000 + self.places.own(&mut self.dice),
            _ => trap_stack_top(),
        };
        [0x69, top, self.dice.within(1..3), 0]
    }

    /// Puts back what this call may have taken from under the next steps.
    fn repair_after(&mut self, number: u32) {
        match number {
            LHCALL_SET_STACK => self.repair_stack(),
            LHCALL_LOAD_GDT_ENTRY | LHCALL_LOAD_GDT => (12..16).for_each(|index| self.repair_segment(index)),
            LHCALL_LOAD_IDT_ENTRY => self.repair_gates(),
            _ => {}
        }
    }
}
