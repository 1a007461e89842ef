//! Where the machine has chance from.
//!
//! The CPU's own generator, if it has one; always the timer, whose quartz is
//! not the CPU's: how many CPU cycles a look at it takes differs from look to
//! look by what no one can compute. At the start the pool takes
//! [`FIRST_LOOKS`] looks, and before each use a fresh one: the moment of use is
//! chance as well. None of it is believed to be more than it is, all of it goes
//! through [`Pool`].
//!
//! Under an emulator that counts time in instructions no look differs, and
//! without RDRAND the bytes are the same on every run.
//!
//! Source: Intel SDM Vol. 1, "RDRAND Instruction"; Digital Random Number
//! Generator (DRNG) Software Implementation Guide, 5.2.1 "Retry Recommendations".
//!
//! Next on the tour: [`super::memory`].

use core::arch::asm;

use kernel::host::entropy::Pool;
use launcher_task::Entropy;

use super::{cpu, timer};

/// Looks at the timer before the first byte: even half a bit each would fill the key.
const FIRST_LOOKS: u32 = 512;
/// Words of the CPU's generator for each use.
const WORDS: u32 = 4;
/// Tries for a word; a generator in order needs more than one only under heavy load.
const TRIES: u32 = 10;

/// The machine's source of entropy.
pub struct Chance {
    pool: Pool,
    has_rdrand: bool,
}

impl Chance {
    /// Gathers what the machine offers.
    pub fn gather(features: cpu::Features) -> Self {
        let mut chance = Self { pool: Pool::new(), has_rdrand: features.rdrand };
        (0..FIRST_LOOKS).for_each(|_| chance.look());
        chance.ask_cpu();
        chance
    }

    /// Stirs in how long a look at the timer takes just now.
    fn look(&mut self) {
        let before = cpu::tsc();
        let count = timer::count();
        let mut sample = [0; 18];
        sample[..8].copy_from_slice(&before.to_le_bytes());
        sample[8..16].copy_from_slice(&cpu::tsc().to_le_bytes());
        sample[16..].copy_from_slice(&count.to_le_bytes());
        self.pool.stir(&sample);
    }

    /// Stirs in what the CPU's generator says.
    fn ask_cpu(&mut self) {
        if !self.has_rdrand {
            return;
        }
        for _ in 0..WORDS {
            if let Some(word) = (0..TRIES).find_map(|_| rdrand()) {
                self.pool.stir(&word.to_le_bytes());
            }
        }
    }
}

impl Entropy for Chance {
    fn fill(&mut self, into: &mut [u8]) {
        self.look();
        self.ask_cpu();
        self.pool.fill(into);
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
