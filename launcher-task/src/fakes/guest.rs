//! A Guest that follows a script instead of its image.
//!
//! Next on the tour: [`crate::task`].

use std::collections::VecDeque;

use abi::{GuestMemory, GuestPhys, Nanos, RunGuest, Stop};

use super::Ram;

/// What the Guest does to its memory in one run, and why it stops then.
type Act = Box<dyn FnOnce(&mut [u8]) -> Stop>;

/// Memory, a script, and a record of what the Launcher did.
pub struct FakeGuest {
    pub ram: Ram,
    script: VecDeque<Act>,
    /// What it got to read, in order.
    pub answers: Vec<u32>,
    /// Interrupts raised, in order.
    pub raised: Vec<u8>,
    /// Entry points of each reset.
    pub resets: Vec<GuestPhys>,
    /// How often it has run.
    pub runs: usize,
    /// How often it may be asked until its slice is over, if it ever is.
    pub slice: Option<usize>,
}

impl FakeGuest {
    /// A Guest with `limit` bytes of memory, full of what another may have left.
    pub fn new(limit: u32) -> Self {
        let ram = Ram(vec![0xA5; limit as usize]);
        Self {
            ram,
            script: VecDeque::new(),
            answers: Vec::new(),
            raised: Vec::new(),
            resets: Vec::new(),
            runs: 0,
            slice: None,
        }
    }

    /// Adds a run to the script.
    pub fn then(&mut self, act: impl FnOnce(&mut [u8]) -> Stop + 'static) -> &mut Self {
        self.script.push_back(Box::new(act));
        self
    }

    /// Adds a run that only stops.
    pub fn stops(&mut self, stop: Stop) -> &mut Self {
        self.then(move |_| stop)
    }
}

impl RunGuest for FakeGuest {
    /// Plays the next act; at the end of the script it sleeps.
    fn run(&mut self) -> Stop {
        self.runs += 1;
        match self.script.pop_front() {
            Some(act) => act(&mut self.ram),
            None => Stop::Halted(Nanos::NEVER),
        }
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

    fn slice_is_over(&mut self) -> bool {
        self.slice.as_mut().is_some_and(|left| {
            *left = left.saturating_sub(1);
            *left == 0
        })
    }

    fn memory(&mut self) -> &mut dyn GuestMemory {
        &mut self.ram
    }
}
