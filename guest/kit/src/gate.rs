//! IDT gates, as a Guest writes them.
//!
//! A gate says where the CPU goes on a vector and how. Its type decides more
//! here than on a bare machine: a *trap* gate for most vectors is entered by
//! the CPU itself, without the Host; an *interrupt* gate never is, because
//! somebody has to clear the virtual interrupt flag.
//!
//! ```text
//! low : 31 selector 16 | 15 offset 0
//! high: 31 offset 16 | P dpl:2 0 type:4 | 0
//! ```
//!
//! Invariants: `a_gate_has_its_fields_where_the_cpu_looks`.
//!
//! Source: Intel SDM Vol. 3, 6.11 "IDT Descriptors"; lguest ABI, "IDT gates
//! from LOAD_IDT_ENTRY".
//!
//! Next on the tour: [`crate::segment_descriptor`].

use bit_field::BitField;

/// What the CPU does with the interrupt flag on the way in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GateKind {
    /// Cleared: interrupts wait until the handler is done.
    Interrupt = 0xE,
    /// Left alone; the Host lets the CPU enter such a gate directly where it can.
    Trap = 0xF,
}

/// The eight bytes of a gate.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Gate {
    /// First dword.
    pub low: u32,
    /// Second dword.
    pub high: u32,
}

impl Gate {
    /// No gate: the vector has no handler.
    pub const ABSENT: Self = Self { low: 0, high: 0 };

    /// A present gate to `selector:offset`, open to software interrupts from ring `dpl` inwards.
    pub fn new(kind: GateKind, selector: u16, offset: u32, dpl: u8) -> Self {
        let mut gate = Self::ABSENT;
        gate.low.set_bits(16..32, selector.into()).set_bits(0..16, offset.get_bits(0..16));
        gate.high.set_bits(16..32, offset.get_bits(16..32)).set_bit(15, true);
        gate.high.set_bits(13..15, dpl.into()).set_bits(8..12, kind as u32);
        gate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_has_its_fields_where_the_cpu_looks() {
        let gate = Gate::new(GateKind::Trap, 0x61, 0xC012_3456, 3);
        assert_eq!(gate, Gate { low: 0x0061_3456, high: 0xC012_EF00 });
    }

    #[test]
    fn an_interrupt_gate_differs_from_a_trap_gate_in_one_bit() {
        let interrupt = Gate::new(GateKind::Interrupt, 0x61, 0, 0);
        let trap = Gate::new(GateKind::Trap, 0x61, 0, 0);
        assert_eq!(interrupt.high ^ trap.high, 0x100);
    }
}
