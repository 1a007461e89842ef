//! A terminal that remembers what was shown and has typed what it was told.
//!
//! Next on the tour: [`crate::console`].

use std::collections::VecDeque;
use std::fmt;

use crate::port::{Console, Log};

#[derive(Default)]
pub struct FakeConsole {
    pub shown: Vec<u8>,
    pub typed: VecDeque<u8>,
    /// How often anything was asked for.
    pub reads: usize,
    /// How often nothing is there yet when it is asked for.
    pub late_by: usize,
    /// How much it shows before its Guest has to wait; nothing at all means no end.
    pub room: Option<usize>,
}

impl FakeConsole {
    pub fn with_typed(text: &[u8]) -> Self {
        Self { typed: text.iter().copied().collect(), ..Self::default() }
    }
}

impl Console for FakeConsole {
    fn write(&mut self, bytes: &[u8]) {
        self.shown.extend_from_slice(bytes);
    }

    fn is_full(&self) -> bool {
        self.room.is_some_and(|room| self.shown.len() >= room)
    }

    fn read(&mut self, into: &mut [u8]) -> usize {
        self.reads += 1;
        let has_come = self.reads > self.late_by;
        let len = if has_come { into.len().min(self.typed.len()) } else { 0 };
        for (place, byte) in into.iter_mut().zip(self.typed.drain(..len)) {
            *place = byte;
        }
        len
    }
}

impl Log for String {
    fn news(&mut self, line: fmt::Arguments<'_>) {
        *self += &format!("{line}\n");
    }

    fn end(&mut self, line: fmt::Arguments<'_>) {
        self.news(line);
    }
}
