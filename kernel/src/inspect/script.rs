//! The monitor's ear for scripts: whole lines, made of what comes over the second serial line.
//!
//! A line ends with a newline, and each that is not empty gets one line of JSON
//! back. Nothing is echoed and nothing is edited.
//!
//! Invariants:
//! - A line that is too long, or no text, is one refused line, not a hang and
//!   not several (`a_line_that_is_too_long_is_refused_as_one`).
//!
//! Next on the tour: [`crate::platform::second_line`].

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use monitor::answer::Answer;

use super::{Asker, World};

/// Bytes of a line at most.
pub const LINE_MAX: usize = 256;

/// A script at the other end of the line.
#[derive(Debug, Default)]
pub struct Script {
    line: Vec<u8>,
    is_too_long: bool,
    asker: Asker,
}

impl Script {
    /// Takes a byte; if it ends a line, what is to be sent back.
    pub fn feed<W: World>(&mut self, byte: u8, world: &mut W) -> Option<String> {
        if byte != b'\n' && byte != b'\r' {
            self.is_too_long |= self.line.len() == LINE_MAX;
            if !self.is_too_long {
                self.line.push(byte);
            }
            return None;
        }
        let line = core::mem::take(&mut self.line);
        if core::mem::take(&mut self.is_too_long) {
            return Some(Self::reply(&Answer::Error("the line is too long".to_string())));
        }
        let Ok(line) = core::str::from_utf8(&line) else {
            return Some(Self::reply(&Answer::Error("the line is no text".to_string())));
        };
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        (!words.is_empty()).then(|| Self::reply(&self.asker.ask(&words, world)))
    }

    fn reply(answer: &Answer) -> String {
        answer.json() + "\n"
    }
}
