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
//! Next on the tour: [`super::interrupts`].

use abi::GuestResult;
use abi::hypercall::{HYPERCALL_VECTOR, SYSCALL_VECTOR};
use abi::kill::DescriptorError;
use bit_field::BitField;
use switcher::descriptor::IDT_ENTRIES;
use switcher::has_error_code;
use switcher::pages::stub_gate;

use crate::cpu::exit::{BREAKPOINT, DEBUG};
use crate::guest::segment::KERNEL_CS;

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
#[path = "idt_tests.rs"]
mod tests;
