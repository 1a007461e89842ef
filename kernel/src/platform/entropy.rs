//! A pool of chance: bytes nobody can foresee, out of events nobody can.
//!
//! What a machine offers of chance is thin and uneven: the low bits of a
//! counter read at a moment that depends on another clock. A cryptographic hash
//! gathers it in a key; a stream cipher makes as many bytes of the key as are
//! wanted, a batch at a time.
//!
//! ```text
//!   stir:  key <- BLAKE2s(key, sample)           and what was ready is gone
//!
//!   make:  ChaCha12(key) =  next key │ 4064 bytes
//!                               │         └─ ready; wiped here as they are given away
//!                               └─ key       and the old one is gone
//! ```
//!
//! Who sees all that comes out cannot tell what comes next, nor, should the key
//! be seen one day, what came before.
//!
//! Invariants:
//! - Each sample changes all that follows (`a_sample_changes_all_that_follows`).
//! - No byte is given away twice, none is kept that was given away
//!   (`no_block_comes_twice`, `what_is_given_away_is_not_kept`).
//! - The cipher is what its authors published (`it_is_chacha`).
//!
//! Source: RFC 7693 (BLAKE2); RFC 8439 (ChaCha20, of which this is the variant with 12
//! rounds); Bernstein, "Fast-key-erasure random-number generators".
//!
//! Next on the tour: [`super::tsc`].

use alloc::boxed::Box;

use blake2::{Blake2s256, Digest};
use chacha20::{
    ChaCha12Rng,
    rand_core::{Rng, SeedableRng},
};

// The cipher's other backends use SSE where the CPU has it, and SSE registers are the Guest's.
#[cfg(all(target_arch = "x86", not(chacha20_backend = "soft"), not(doc)))]
compile_error!("build with --cfg chacha20_backend=\"soft\", as .cargo/config.toml says");

/// Bytes of the key.
const KEY: usize = 32;
/// Bytes made at a time, the next key among them.
const BATCH: usize = 4096;
/// Bytes of a batch that are for others.
pub const READY: usize = BATCH - KEY;

/// The pool. A new one is empty and its output no secret: stir first.
pub struct Pool {
    key: [u8; KEY],
    /// What is ready stands at the end, zeroes before it. Too large for the boot stack.
    batch: Box<[u8; BATCH]>,
    /// Bytes that are ready.
    ready: usize,
}

impl Pool {
    /// A pool with nothing in it.
    pub fn new() -> Self {
        Self { key: [0; KEY], batch: Box::new([0; BATCH]), ready: 0 }
    }

    /// Adds what has been observed; it may be known in part, or even chosen by an adversary.
    pub fn stir(&mut self, sample: &[u8]) {
        self.key = Blake2s256::new().chain_update(self.key).chain_update(sample).finalize().into();
        self.ready = 0;
    }

    /// Whether nothing is ready: a good moment to stir, as the next batch is made of the key.
    pub const fn is_dry(&self) -> bool {
        self.ready == 0
    }

    /// Fills the beginning of `into` with what is ready, of which there is some afterwards if there
    /// was none; returns how many bytes that was, at most [`READY`].
    pub fn draw(&mut self, into: &mut [u8]) -> usize {
        if self.is_dry() {
            self.make();
        }
        let len = into.len().min(self.ready);
        let given = &mut self.batch[BATCH - self.ready..][..len];
        into[..len].copy_from_slice(given);
        given.fill(0);
        self.ready -= len;
        len
    }

    /// Makes a batch, and the key of the one after it.
    fn make(&mut self) {
        ChaCha12Rng::from_seed(self.key).fill_bytes(&mut *self.batch);
        let next = &mut self.batch[..KEY];
        self.key.copy_from_slice(next);
        next.fill(0);
        self.ready = READY;
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

    fn draw<const LEN: usize>(pool: &mut Pool) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        let mut filled = 0;
        while filled < LEN {
            filled += pool.draw(&mut bytes[filled..]);
        }
        bytes
    }

    #[test]
    fn a_sample_changes_all_that_follows() {
        let [mut one, mut other] = [Pool::new(), Pool::new()];
        draw::<80>(&mut one);
        draw::<80>(&mut other);
        one.stir(&[1]);
        other.stir(&[0]);
        for _ in 0..40 {
            let (a, b) = (draw::<80>(&mut one), draw::<80>(&mut other));
            let equal = a.iter().zip(&b).filter(|(a, b)| a == b).count();
            assert!(equal < 8, "{equal} of 80 bytes agree");
        }
    }

    #[test]
    fn no_block_comes_twice() {
        let mut pool = Pool::new();
        let mut blocks: Vec<[u8; 16]> = Vec::new();
        for _ in 0..500 {
            let bytes: [u8; 80] = draw(&mut pool);
            blocks.extend(bytes.chunks_exact(16).map(|block| <[u8; 16]>::try_from(block).unwrap()));
        }
        blocks.sort_unstable();
        blocks.dedup();
        assert_eq!(blocks.len(), 2500);
    }

    #[test]
    fn what_is_given_away_is_not_kept() {
        let mut pool = Pool::new();
        for (len, given) in [(1, 1), (100, 100), (READY, READY - 101), (7, 7), (0, 0), (READY, READY - 7)] {
            assert_eq!(pool.draw(&mut vec![0; len]), given);
            assert!(pool.batch[..BATCH - pool.ready].iter().all(|&byte| byte == 0), "{len}");
            assert!(pool.is_dry() || pool.batch[BATCH - pool.ready..].iter().any(|&byte| byte != 0));
        }
        assert!(pool.is_dry());
        pool.draw(&mut [0]);
        pool.stir(&[0]);
        assert!(pool.is_dry(), "what is older than the sample is ready still");
    }

    /// The stream of a key of zeroes, as a test vector of the cipher's has it.
    #[test]
    fn it_is_chacha() {
        let mut pool = Pool::new();
        let bytes: [u8; 32] = draw(&mut pool);
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(hex(&pool.key), "9bf49a6a0755f953811fce125f2683d50429c3bb49e074147e0089a52eae155f");
        assert_eq!(hex(&bytes), "0564f879d27ae3c02ce82834acfa8c793a629f2ca0de6919610be82f411326be");
    }

    #[test]
    fn ones_and_zeroes_are_in_balance() {
        let bytes: Box<[u8; 1 << 16]> = Box::new(draw(&mut Pool::new()));
        let ones: u32 = bytes.iter().map(|byte| byte.count_ones()).sum();
        let half = (bytes.len() * 4) as u32;
        assert!(ones.abs_diff(half) < 2000, "{ones} of {}", 2 * half);
    }
}
