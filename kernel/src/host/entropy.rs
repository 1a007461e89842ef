//! A pool of chance: bytes nobody can foresee, out of events nobody can.
//!
//! What a machine offers of chance is thin and uneven: the low bits of a
//! counter read at a moment that depends on another clock. A cryptographic hash
//! gathers it in a key; from the key come as many bytes as are wanted.
//!
//! ```text
//!   stir:  key  <- H(key, STIR, sample)
//!   fill:  block n = H(key, BLOCK, n)      32 bytes each
//!          key  <- H(key, NEXT)            and the old one is gone
//! ```
//!
//! Who sees all that comes out cannot tell what comes next, nor, should the key
//! be seen one day, what came before.
//!
//! Invariants:
//! - Each sample changes all that follows (`a_sample_changes_all_that_follows`).
//! - No two blocks come of the same input (`no_block_comes_twice`).
//!
//! Source: RFC 7693 (BLAKE2); Bernstein, "Fast-key-erasure random-number generators".
//!
//! Next on the tour: [`super::tsc`].

use blake2::{Blake2s256, Digest};

/// What a hash is for; part of its input, so that no two uses can agree.
const STIR: [u8; 1] = [0];
const BLOCK: [u8; 1] = [1];
const NEXT: [u8; 1] = [2];

/// The pool. A new one is empty and its output no secret: stir first.
pub struct Pool {
    key: [u8; 32],
}

impl Pool {
    /// A pool with nothing in it.
    pub const fn new() -> Self {
        Self { key: [0; 32] }
    }

    /// Adds what has been observed; it may be known in part, or even chosen by an adversary.
    pub fn stir(&mut self, sample: &[u8]) {
        self.key = self.hash(STIR, sample);
    }

    /// Fills `into`.
    pub fn fill(&mut self, into: &mut [u8]) {
        for (number, block) in (0u32..).zip(into.chunks_mut(32)) {
            block.copy_from_slice(&self.hash(BLOCK, &number.to_le_bytes())[..block.len()]);
        }
        self.key = self.hash(NEXT, &[]);
    }

    fn hash(&self, purpose: [u8; 1], input: &[u8]) -> [u8; 32] {
        Blake2s256::new().chain_update(self.key).chain_update(purpose).chain_update(input).finalize().into()
    }
}

impl Default for Pool {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(pool: &mut Pool) -> [u8; 80] {
        let mut bytes = [0; 80];
        pool.fill(&mut bytes);
        bytes
    }

    #[test]
    fn a_sample_changes_all_that_follows() {
        let [mut one, mut other] = [Pool::new(), Pool::new()];
        one.stir(&[1]);
        other.stir(&[0]);
        for _ in 0..3 {
            let (a, b) = (draw(&mut one), draw(&mut other));
            let equal = a.iter().zip(&b).filter(|(a, b)| a == b).count();
            assert!(equal < 8, "{equal} of 80 bytes agree");
        }
    }

    #[test]
    fn no_block_comes_twice() {
        let mut pool = Pool::new();
        let mut blocks: Vec<[u8; 32]> = Vec::new();
        for _ in 0..50 {
            let bytes = draw(&mut pool);
            blocks.extend(bytes.chunks_exact(32).map(|block| <[u8; 32]>::try_from(block).unwrap()));
        }
        blocks.sort_unstable();
        blocks.dedup();
        assert_eq!(blocks.len(), 100);
    }

    #[test]
    fn ones_and_zeroes_are_in_balance() {
        let mut pool = Pool::new();
        let mut bytes = vec![0; 1 << 16];
        pool.fill(&mut bytes);
        let ones: u32 = bytes.iter().map(|byte| byte.count_ones()).sum();
        let half = (bytes.len() * 4) as u32;
        assert!(ones.abs_diff(half) < 2000, "{ones} of {}", 2 * half);
    }
}
