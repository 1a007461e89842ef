//! Where the machine has chance from.
//!
//! The CPU's own generator, if it has one; always the timer, whose quartz is
//! not the CPU's: how many CPU cycles a look at it takes differs from look to
//! look by what no one can compute. At the start the pool takes
//! [`FIRST_LOOKS`] samples, and a fresh one before each batch of bytes: the
//! moment they are wanted is chance as well. None of it is believed to be more
//! than it is, all of it goes through [`Pool`].
//!
//! Under an emulator that counts time in instructions no look differs, and
//! without RDRAND the bytes are the same on every run.
//!
//! Source: Intel SDM Vol. 1, "RDRAND Instruction"; Digital Random Number
//! Generator (DRNG) Software Implementation Guide, 5.2.1 "Retry Recommendations".
//!
//! Next on the tour: [`super::memory`].

use core::arch::asm;

use kernel::platform::entropy::Pool;
use launcher_task::Entropy;

use super::{cpu, timer};

/// Looks at the timer before the first byte: even half a bit each would fill the key.
const FIRST_LOOKS: u32 = 512;
/// Words of the CPU's generator in a sample.
const WORDS: usize = 4;
/// Tries for a word; a generator in order needs more than one only under heavy load.
const TRIES: u32 = 10;
/// Bytes of a sample: together with the pool's key no more than a block of the hash.
const SAMPLE: usize = 14 + 4 * WORDS;
const _: () = assert!(SAMPLE <= 32);

/// The machine's source of entropy.
pub struct Chance {
    pool: Pool,
    has_rdrand: bool,
}

impl Chance {
    /// Gathers what the machine offers.
    pub fn gather(features: cpu::Features) -> Self {
        let mut chance = Self { pool: Pool::new(), has_rdrand: features.rdrand };
        (0..FIRST_LOOKS).for_each(|_| chance.stir());
        chance
    }

    /// Stirs in how long a look at the timer takes just now, and what the CPU's generator says.
    fn stir(&mut self) {
        let before = cpu::tsc();
        let count = timer::count();
        let after = cpu::tsc() as u32;
        let mut sample = [0; SAMPLE];
        sample[..8].copy_from_slice(&before.to_le_bytes());
        sample[8..12].copy_from_slice(&after.to_le_bytes());
        sample[12..14].copy_from_slice(&count.to_le_bytes());
        sample[14..].as_chunks_mut().0.iter_mut().for_each(|word| *word = self.word().to_le_bytes());
        self.pool.stir(&sample);
    }

    /// What the CPU's generator says; 0 if it has none, or nothing to say.
    fn word(&self) -> u32 {
        let word = |_| if self.has_rdrand { rdrand() } else { None };
        (0..TRIES).find_map(word).unwrap_or(0)
    }
}

impl Entropy for Chance {
    fn fill(&mut self, into: &mut [u8]) {
        let mut filled = 0;
        while filled < into.len() {
            if self.pool.is_dry() {
                self.stir();
            }
            filled += self.pool.draw(&mut into[filled..]);
        }
    }
}

/// A word of the CPU's generator, which must have one; `None` if it has none ready.
fn rdrand() -> Option<u32> {
    let (word, is_ready): (u32, u8);
    // SAFETY: The instruction writes a register and flags. Callers have asked CPUID for it; without
    // it, it is #UD, a mistake of the Host's that is told as one.
    unsafe {
        asm!("rdrand {word}", "setc {ready}", word = out(reg) word, ready = out(reg_byte) is_ready,
            options(nomem, nostack));
    }
    (is_ready != 0).then_some(word)
}
