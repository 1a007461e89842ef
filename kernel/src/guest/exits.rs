//! How often a Guest left, and why.
//!
//! An exit is counted by its vector, which costs three instructions; kinds are
//! made of that when somebody asks.
//!
//! Invariants:
//! - Each exit is of one kind (`every_vector_is_counted_once`).
//!
//! Next on the tour: [`super::debug_registers`].

use core::fmt;

use abi::hypercall::HYPERCALL_VECTOR;

use crate::cpu::exit::{KINDS, kind};

/// Vectors there are.
const VECTORS: usize = 256;

/// How often a Guest left for which reason.
pub struct Exits([u64; VECTORS]);

impl Default for Exits {
    fn default() -> Self {
        Self([0; VECTORS])
    }
}

impl Exits {
    /// Counts an exit as the Switcher reports it.
    #[inline]
    pub fn count(&mut self, trapnum: u32) {
        self.0[usize::from(trapnum as u8)] += 1;
    }

    /// An exit counted as the fault `trapnum` was a hypercall, by `vmcall`.
    #[inline]
    pub fn was_a_call(&mut self, trapnum: u32) {
        self.0[usize::from(trapnum as u8)] -= 1;
        self.count(HYPERCALL_VECTOR.into());
    }

    /// All of them.
    pub fn all(&self) -> u64 {
        self.0.iter().sum()
    }

    /// How many there were of each kind, in the order of [`KINDS`].
    pub fn by_kind(&self) -> [u64; KINDS.len()] {
        let mut kinds = [0; KINDS.len()];
        for (vector, count) in (0..=u8::MAX).zip(&self.0) {
            kinds[kind(vector)] += count;
        }
        kinds
    }
}

impl fmt::Display for Exits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exits all={}", self.all())?;
        KINDS.iter().zip(self.by_kind()).try_for_each(|(kind, count)| write!(f, " {kind}={count}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vector_is_counted_once() {
        let mut exits = Exits::default();
        (0..=0xFF).for_each(|vector| exits.count(vector));
        assert_eq!(exits.all(), 256);
        assert_eq!(exits.by_kind().iter().sum::<u64>(), 256);
        assert_eq!(exits.by_kind(), [1, 1, 1, 1, 28, 224]);
    }

    #[test]
    fn a_call_by_vmcall_is_a_call() {
        let mut exits = Exits::default();
        exits.count(6);
        exits.was_a_call(6);
        assert_eq!(exits.by_kind(), [1, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn a_fault_on_entry_is_counted_as_the_fault_it_was() {
        let mut exits = Exits::default();
        exits.count(13 | switcher::FAULT_ON_ENTRY);
        assert!(exits.to_string().starts_with("exits all=1 hypercall=0 page-fault=0 protection=1 "));
    }
}
