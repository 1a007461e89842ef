//! Properties of the Host's mind: random Guests, good and bad, against slow and obvious models.
//!
//! | file          | what has to hold                                                     |
//! |---------------|----------------------------------------------------------------------|
//! | `announced`   | a Guest that tells what it changes sees its own tables, bit for bit   |
//! | `hostile`     | whatever it tells or keeps to itself, shadows stay inside its memory  |
//! | `descriptors` | no descriptor or gate raises privilege, or outlives its Guest's turn  |
//! | `turns`       | the run loop ends, sanitises, and never panics                        |
//!
//! The mind is used from outside only: the shadows are read where a CPU would
//! read them, in the tables themselves.
//!
//! The number of cases is small and their seed fixed, so that the same tree
//! always gets the same answer. `PROPTEST_CASES=1000000` runs that many, each
//! time others; `PROPTEST_RNG_SEED` repeats a run.
//!
//! Next on the tour: [`shape`].
#![forbid(unsafe_code)]

mod announced;
mod descriptors;
mod hardware;
mod hostile;
mod model;
mod op;
mod ram;
mod script;
mod shape;
mod turns;
mod world;

use core::fmt;

use proptest::test_runner::{Config, RngSeed};

/// The seed of a run that does not ask for another.
const SEED: u64 = 0x6C67_7565_7374;

/// `cases` cases with a fixed seed, unless the environment wants it otherwise.
fn config(cases: u32) -> Config {
    let mut config = Config { failure_persistence: None, ..Config::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
        if config.rng_seed == RngSeed::Random {
            config.rng_seed = RngSeed::Fixed(SEED);
        }
    }
    config
}

/// A number that failing cases print in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Hex(u32);

impl fmt::Debug for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}
