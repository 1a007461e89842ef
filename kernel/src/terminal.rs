//! One console, several Guests: who is heard when.
//!
//! A Guest alone writes straight through. As soon as there are several, each
//! one's bytes are kept until they make a line, or until it goes to sleep with
//! a prompt half written, so that no line is torn by another Guest's. Typing
//! goes to one of them.
//!
//! Invariants:
//! - What is kept is bounded by [`LONGEST`], then it is written as it is.
//!
//! Next on the tour: [`crate::machine`].

use alloc::vec::Vec;

use launcher_task::Console;

use crate::machine::console;

/// Bytes of an unfinished line that are kept at most.
const LONGEST: usize = 512;

/// What a Guest has written and nobody has read yet.
#[derive(Default)]
pub struct Unfinished(Vec<u8>);

/// The Host's console as one Guest sees it.
pub struct Terminal<'a> {
    /// Number of its task.
    pub task: usize,
    /// Whether what is typed is for it.
    pub has_focus: bool,
    /// Whether there are other Guests.
    pub has_rivals: bool,
    /// Its unfinished line.
    pub unfinished: &'a mut Unfinished,
    /// The task whose Guest wrote last.
    pub last_speaker: &'a mut Option<usize>,
}

impl Terminal<'_> {
    /// Writes what was kept.
    pub fn flush(&mut self) {
        if self.unfinished.0.is_empty() {
            return;
        }
        if self.last_speaker.replace(self.task) != Some(self.task) {
            console::fresh_line();
        }
        console::write(&self.unfinished.0);
        self.unfinished.0.clear();
    }
}

impl Console for Terminal<'_> {
    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.unfinished.0.extend_from_slice(part);
            if part.ends_with(b"\n") || self.unfinished.0.len() >= LONGEST {
                self.flush();
            }
        }
        if !self.has_rivals {
            self.flush();
        }
    }

    fn read(&mut self, into: &mut [u8]) -> usize {
        if !self.has_focus {
            return 0;
        }
        let typed = core::iter::from_fn(console::read);
        into.iter_mut().zip(typed).map(|(place, byte)| *place = byte).count()
    }
}
