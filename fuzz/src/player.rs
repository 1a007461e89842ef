//! A Guest as its Launcher sees it, played from a list; and chance, as in a well-known joke.

use std::collections::VecDeque;
use std::fmt;

use abi::{GuestMemory, GuestPhys, Nanos, RunGuest, Stop};

use launcher_task::{Entropy, Log};

use crate::ram::Ram;

/// Chance that throws nothing else.
pub struct Sixes;

impl Entropy for Sixes {
    fn fill(&mut self, into: &mut [u8]) {
        into.fill(6);
    }
}

/// A log that nobody reads.
pub struct NoLog;

impl Log for NoLog {
    fn news(&mut self, _: fmt::Arguments<'_>) {}

    fn end(&mut self, _: fmt::Arguments<'_>) {}
}

/// Memory, what it stops for in each run, and a record of what was done to it.
pub struct Player {
    /// Its memory.
    pub ram: Ram,
    /// What each run does to memory, and why it ends.
    pub acts: VecDeque<(Vec<(GuestPhys, u32)>, Stop)>,
    /// What it got to read.
    pub answers: Vec<u32>,
    /// Interrupts raised.
    pub raised: Vec<u8>,
    /// Entry points of each reset.
    pub resets: Vec<GuestPhys>,
}

impl Player {
    /// A Guest with `limit` bytes of memory, full of what another may have left.
    pub fn new(limit: u32) -> Self {
        let mut ram = Ram::new(limit);
        ram.0.fill(0xA5);
        Self { ram, acts: VecDeque::new(), answers: Vec::new(), raised: Vec::new(), resets: Vec::new() }
    }
}

impl RunGuest for Player {
    /// Plays the next act; at the end it sleeps.
    fn run(&mut self) -> Stop {
        let (stores, stop) = self.acts.pop_front().unwrap_or((Vec::new(), Stop::Halted(Nanos::NEVER)));
        for (at, word) in stores {
            // A store that misses memory is a fault of the Guest's own.
            let _missed = self.ram.write_u32(at, word);
        }
        stop
    }

    fn answer(&mut self, value: u32) {
        self.answers.push(value);
    }

    fn raise(&mut self, irq: u8) {
        self.raised.push(irq);
    }

    fn reset(&mut self, entry: GuestPhys) {
        self.resets.push(entry);
    }

    fn memory(&mut self) -> &mut dyn GuestMemory {
        &mut self.ram
    }
}
