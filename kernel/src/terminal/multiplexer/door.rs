//! The door to the monitor: what is typed while it is open goes there.
//!
//! ```text
//!   Ctrl-A m --> open:  keys --> door --> monitor      Guests' output is kept
//!   again, or Ctrl-D --> shut:  keys --> Guest         ... and shown now
//! ```
//!
//! Opening and shutting stand in the row of what was typed, so that a script
//! may type all of it at once: the monitor learns of each in its place, and
//! what stands behind a shut door is not taken before.
//!
//! Invariants: nothing behind a shut door reaches the monitor
//! (`what_is_typed_before_and_behind_the_door_goes_to_the_guest`, in the multiplexer's tests).
//!
//! Next on the tour: [`crate::inspect`].

use crate::terminal::bytes::ByteRing;

/// Bytes typed for the monitor that wait at most.
const WAITING: usize = 512;
/// Stands for the opening; nobody can type it, for it is the prefix.
const OPEN: u8 = super::keys::PREFIX;
/// Ctrl-D: shuts the door, also if it is typed.
const SHUT: u8 = 0x04;

/// What the monitor is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Typed {
    /// The door was opened.
    Open,
    /// A byte was typed.
    Byte(u8),
    /// The door was shut.
    Shut,
}

/// The door.
#[derive(Debug, Default)]
pub struct Door {
    waiting: ByteRing<WAITING>,
    /// Typing goes through it.
    is_open: bool,
    /// The monitor has not yet learnt that it is shut again.
    is_in_use: bool,
}

impl Door {
    /// Whether typing goes through it.
    pub const fn is_open(&self) -> bool {
        self.is_open
    }

    /// Whether the Guests have to be quiet.
    pub const fn is_in_use(&self) -> bool {
        self.is_open || self.is_in_use
    }

    /// Whether nothing more can be typed before the monitor has taken something.
    pub const fn is_full(&self) -> bool {
        self.waiting.is_full()
    }

    /// Opens it, or shuts it.
    pub fn turn(&mut self) {
        self.push(if self.is_open { SHUT } else { OPEN });
    }

    /// Takes what was typed while it is open.
    pub fn typed(&mut self, byte: u8) {
        if byte != OPEN {
            self.push(byte);
        }
    }

    /// There is room: [`Door::is_full`] was asked before, when the last byte was let in.
    fn push(&mut self, byte: u8) {
        if self.waiting.push(byte) {
            self.is_open = byte != SHUT;
        }
    }

    /// The next thing for the monitor.
    pub fn take(&mut self) -> Option<Typed> {
        let taken = match self.waiting.pop()? {
            OPEN => Typed::Open,
            SHUT => Typed::Shut,
            byte => Typed::Byte(byte),
        };
        self.is_in_use = taken != Typed::Shut;
        Some(taken)
    }

    /// Whether something waits for the monitor.
    pub const fn is_awaited(&self) -> bool {
        !self.waiting.is_empty()
    }
}
