//! Bytes that only look like chance.
//!
//! Next on the tour: [`crate::rng`].

use crate::Entropy;

/// Counts, and never gives a zero.
#[derive(Default)]
pub struct FakeEntropy(u8);

impl Entropy for FakeEntropy {
    fn fill(&mut self, into: &mut [u8]) {
        for byte in into {
            self.0 = self.0 % 255 + 1;
            *byte = self.0;
        }
    }
}
