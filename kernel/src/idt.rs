//! Gates: which of a Guest's handlers the CPU may enter by itself.
//!
//! By default every vector leads to the Switcher. When the Guest's gate is a
//! *trap* gate the CPU can take it directly, with no exit at all: that is how
//! a system call costs what it costs natively. An interrupt gate must clear
//! the virtual interrupt flag as well, which the CPU knows nothing of, so it
//! is reflected instead.
//!
//! Invariants:
//! - A gate the CPU sees leads to the Switcher or to selector 0x61
//!   (`a_direct_gate_always_lands_in_ring_1`).
//! - Vectors the Host must see first are never direct, whatever is asked.
//! - A stub that counts on an error code is never open to `int n`, which pushes
//!   none (`a_stub_that_counts_on_an_error_code_is_closed_to_software`).
//!
//! Source: lguest ABI, "IDT gates from LOAD_IDT_ENTRY".
//!
//! Next on the tour: [`crate::interrupt`].

use abi::GuestResult;
use abi::hypercall::{HYPERCALL_VECTOR, SYSCALL_VECTOR};
use abi::kill::DescriptorError;
use bit_field::BitField;
use switcher::descriptor::IDT_ENTRIES;
use switcher::has_error_code;
use switcher::pages::stub_gate;

use crate::debug::{BREAKPOINT, DEBUG};
use crate::segment::KERNEL_CS;

/// Exceptions have vectors below this; all others but the system call belong to the Host.
const EXCEPTIONS: usize = 32;

/// Where a Guest wants a vector to go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Handler {
    /// Its first instruction, in ring 1.
    pub eip: u32,
    /// Whether entering it clears the virtual interrupt flag.
    pub is_interrupt_gate: bool,
}

/// How the CPU takes a vector for which the Guest has a handler.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Route {
    /// Into the handler, with no exit.
    Direct,
    /// To the Host, for entering the handler clears the virtual interrupt flag.
    ClearsFlag,
    /// To the Host, which has to see this exception first.
    HostFirst,
    /// To the Host, for this Guest's calls come as this exception too.
    MayBeCall,
    /// To the Host, for the line is virtual and nobody else would deliver it.
    VirtualLine,
}

/// A gate as the Guest loaded it: not present, or type, DPL and offset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct GuestGate(u64);

impl GuestGate {
    const NONE: Self = Self(0);

    /// Takes the two dwords of a gate; the selector is not the Guest's to choose.
    fn admit(vector: u32, low: u32, high: u32) -> GuestResult<Self> {
        if !high.get_bit(15) {
            return Ok(Self::NONE);
        }
        if !matches!(high.get_bits(8..13), 0xE | 0xF) {
            return Err(DescriptorError::GateType { vector, high }.into());
        }
        let low = low & 0xFFFF | KERNEL_CS << 16;
        Ok(Self(u64::from(high & 0xFFFF_EF00) << 32 | u64::from(low)))
    }

    fn handler(self) -> Option<Handler> {
        let eip = (self.0.get_bits(48..64) << 16 | self.0.get_bits(0..16)) as u32;
        let is_interrupt_gate = self.0.get_bits(40..44) == 0xE;
        self.0.get_bit(47).then_some(Handler { eip, is_interrupt_gate })
    }

    fn dpl(self) -> u8 {
        self.0.get_bits(45..47) as u8
    }
}

/// One Guest's IDT: all it asked for, and the few gates of it the CPU sees.
pub struct GuestIdt {
    asked: [GuestGate; IDT_ENTRIES],
    exceptions: [u64; EXCEPTIONS],
    syscall: u64,
    dirty: bool,
    /// The Host has to see #UD first, for it may be a `vmcall`.
    keeps_undefined: bool,
    /// The Host has to see everything first, for somebody debugs the Guest.
    keeps_all: bool,
}

impl Default for GuestIdt {
    fn default() -> Self {
        let mut exceptions = [0; EXCEPTIONS];
        for (vector, gate) in exceptions.iter_mut().enumerate() {
            *gate = default_gate(vector as u8);
        }
        let syscall = default_gate(SYSCALL_VECTOR);
        Self {
            asked: [GuestGate::NONE; IDT_ENTRIES],
            exceptions,
            syscall,
            dirty: true,
            keeps_undefined: false,
            keeps_all: false,
        }
    }
}

impl GuestIdt {
    /// `LHCALL_LOAD_IDT_ENTRY`. Vectors the Guest may not have are ignored.
    ///
    /// # Errors
    /// [`DescriptorError::Vector`] past 255, [`DescriptorError::GateType`] for anything but an
    /// interrupt or trap gate.
    pub fn load_entry(&mut self, vector: u32, low: u32, high: u32) -> GuestResult {
        let index = u8::try_from(vector).map_err(|_| DescriptorError::Vector { vector })?;
        if matches!(index, 2 | 8 | 15 | HYPERCALL_VECTOR) {
            return Ok(());
        }
        let gate = GuestGate::admit(vector, low, high)?;
        self.asked[usize::from(index)] = gate;
        self.renew(index);
        Ok(())
    }

    /// Makes the CPU's gate for `vector` anew.
    fn renew(&mut self, vector: u8) {
        let gate = self.asked[usize::from(vector)];
        let is_kept = self.keeps_all || vector == 6 && self.keeps_undefined;
        let for_cpu = match gate_for_cpu(vector, gate, may_be_direct(vector) && !is_kept) {
            _ if self.keeps_all && vector == BREAKPOINT => stub_gate(vector, 3),
            for_cpu => for_cpu,
        };
        if let Some(slot) = self.cpu_gate(vector) {
            let changed = core::mem::replace(slot, for_cpu) != for_cpu;
            self.dirty |= changed;
        }
    }

    /// Says whether #UD may be a hypercall, and so must not be direct. Before any gate is loaded.
    pub fn keep_undefined_opcodes(&mut self, keep: bool) {
        self.keeps_undefined = keep;
    }

    /// Says whether somebody debugs the Guest: then no handler is entered directly, and an `int3` of
    /// any ring comes to the Host, which has to judge by [`GuestIdt::dpl`] what becomes of it.
    pub fn keep_all(&mut self, keep: bool) {
        self.keeps_all = keep;
        (0..EXCEPTIONS as u8).chain([SYSCALL_VECTOR]).for_each(|vector| self.renew(vector));
    }

    /// The highest ring that `int n` may come from.
    pub fn dpl(&self, vector: u8) -> u8 {
        let gate = self.asked[usize::from(vector)];
        if gate.handler().is_some() { gate.dpl() } else { 0 }
    }

    /// The Guest's own handler for `vector`, if it has one.
    #[inline]
    pub fn handler(&self, vector: u8) -> Option<Handler> {
        self.asked[usize::from(vector)].handler()
    }

    /// How the CPU takes `vector`, and the handler's DPL; `None` if there is no handler.
    pub fn route(&self, vector: u8) -> Option<(Handler, u8, Route)> {
        let gate = self.asked[usize::from(vector)];
        let handler = gate.handler()?;
        let route = match vector {
            _ if self.seen(vector) == Some(gate.0) => Route::Direct,
            6 if self.keeps_undefined => Route::MayBeCall,
            32.. if vector != SYSCALL_VECTOR => Route::VirtualLine,
            _ if may_be_direct(vector) && handler.is_interrupt_gate => Route::ClearsFlag,
            _ => Route::HostFirst,
        };
        Some((handler, gate.dpl(), route))
    }

    /// Another IDT was in force since: all of it has to go to the CPU.
    pub fn forget_cpu(&mut self) {
        self.dirty = true;
    }

    /// Copies to the CPU's table what it has not seen yet.
    #[inline]
    pub fn copy_changes(&mut self, table: &mut [u64; IDT_ENTRIES]) {
        if self.dirty {
            table[..EXCEPTIONS].copy_from_slice(&self.exceptions);
            table[usize::from(SYSCALL_VECTOR)] = self.syscall;
            self.dirty = false;
        }
    }

    /// The gate the CPU sees for a vector a Guest may influence.
    fn seen(&self, vector: u8) -> Option<u64> {
        match vector {
            SYSCALL_VECTOR => Some(self.syscall),
            _ => self.exceptions.get(usize::from(vector)).copied(),
        }
    }

    /// The place of that gate.
    fn cpu_gate(&mut self, vector: u8) -> Option<&mut u64> {
        match vector {
            SYSCALL_VECTOR => Some(&mut self.syscall),
            _ => self.exceptions.get_mut(usize::from(vector)),
        }
    }
}

/// Whether the CPU may deliver `vector` without the Host: not where the Host has to look first
/// (FPU, protection, page fault; #DB, for the Guest's DR6), nor what is the Host's alone (NMI, double
/// fault, machine check).
const fn may_be_direct(vector: u8) -> bool {
    !matches!(vector, DEBUG | 2 | 7 | 8 | 13 | 14 | 15 | 18 | HYPERCALL_VECTOR)
}

/// Whether `int n` may come to the Host by the vector's stub. One that counts on an error code must
/// not be open to it, for `int n` pushes none: the frame would be read a dword off, and the Guest
/// would choose what the Host takes for a vector.
const fn may_be_open(vector: u8) -> bool {
    !matches!(vector, 2 | 7 | 15 | 18 | HYPERCALL_VECTOR) && !has_error_code(vector)
}

fn default_gate(vector: u8) -> u64 {
    stub_gate(vector, if vector == HYPERCALL_VECTOR { 1 } else { 0 })
}

fn gate_for_cpu(vector: u8, gate: GuestGate, may_be_direct: bool) -> u64 {
    match gate.handler() {
        None => default_gate(vector),
        Some(Handler { is_interrupt_gate: false, .. }) if may_be_direct => gate.0,
        Some(_) if !may_be_open(vector) => default_gate(vector),
        Some(_) => stub_gate(vector, gate.dpl()),
    }
}

#[cfg(test)]
mod tests {
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
}
