//! Answers: what a command found, for people and for scripts.
//!
//! A person reads lines, a script one line of JSON; both are made from the
//! same values, so they cannot disagree. Numbers are numbers in JSON, and the
//! one field of the outermost object says what kind of answer it is:
//!
//! ```text
//!   {"regs":{"eax":0,...}}   {"done":{"guest":"a","what":"paused"}}   {"error":"there is no ..."}
//! ```
//!
//! Next on the tour: [`crate::editor`].

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde::Serialize;

use crate::command::{COMMANDS, Complaint};
use crate::gates::{Gate, Segment};
use crate::memory::Memory;
use crate::registers::{Backtrace, Registers};
use crate::stats::{Device, Stats};
use crate::tables::Walk;

/// A Guest in the list of all.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Row {
    /// Its number at the terminal, from 1.
    pub number: usize,
    /// What it is called.
    pub name: String,
    /// `runs`, `sleeps`, `paused`, `stopped` (by a debugger) or `ended`.
    pub state: &'static str,
    /// MiB of memory.
    pub mebibytes: u32,
    /// Typing and commands are for it unless another is named.
    pub focus: bool,
}

/// An event of a trace.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Line {
    /// How many nanoseconds ago it was.
    pub ago: u64,
    /// What kind it is.
    pub kind: &'static str,
    /// All of it, in words.
    pub text: String,
}

/// What a command found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the variants are named for the commands that they answer")]
pub enum Answer {
    Guests(Vec<Row>),
    Stats(Stats),
    /// Something was done to a Guest, or it is the one that is meant from now on.
    Done {
        guest: String,
        what: &'static str,
    },
    Regs(Registers),
    Bt(Backtrace),
    Memory(Memory),
    Walk(Walk),
    Gdt(Vec<Segment>),
    Idt(Vec<Gate>),
    Devices(Vec<Device>),
    Trace(Vec<Line>),
    Log(Vec<String>),
    Help(Vec<String>),
    /// Why there is none.
    Error(String),
}

impl Answer {
    /// The list of commands.
    pub fn help() -> Self {
        let line = |entry: &crate::command::Entry| {
            let usage = alloc::format!("{} {}", entry.name, entry.words);
            alloc::format!("{usage:<22} {}", entry.what)
        };
        let about = [
            "PLACE is a register, a symbol or a hexadecimal number, and + or - another number.",
            "@NAME or @NUMBER on a line says which guest it is about; alone, also the lines after it.",
            "Ctrl-A m or Ctrl-D goes back to the guests.",
        ];
        Self::Help(COMMANDS.iter().map(line).chain(about.map(String::from)).collect())
    }

    /// One line of JSON, without its end.
    #[inline(never)] // into code that is built for speed
    pub fn json(&self) -> String {
        // Nothing in an answer fails to be written; if it did, that would be the answer.
        serde_json::to_string(self).unwrap_or_else(|error| alloc::format!("{{\"error\":\"{error}\"}}"))
    }
}

impl From<Complaint> for Answer {
    fn from(complaint: Complaint) -> Self {
        Self::Error(complaint.to_string())
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Guests(rows) => lines(f, rows),
            Self::Stats(stats) => stats.fmt(f),
            Self::Done { guest, what } => writeln!(f, "guest {guest}: {what}"),
            Self::Regs(registers) => registers.fmt(f),
            Self::Bt(trace) => trace.fmt(f),
            Self::Memory(memory) => memory.fmt(f),
            Self::Walk(walk) => walk.fmt(f),
            Self::Gdt(segments) => lines(f, segments),
            Self::Idt(gates) => lines(f, gates),
            Self::Devices(devices) => lines(f, devices),
            Self::Trace(events) => lines(f, events),
            Self::Log(told) | Self::Help(told) => lines(f, told),
            Self::Error(why) => writeln!(f, "{why}"),
        }
    }
}

/// Each on a line of its own, or that there is none.
fn lines<T: fmt::Display>(f: &mut fmt::Formatter<'_>, all: &[T]) -> fmt::Result {
    if all.is_empty() {
        return writeln!(f, "none");
    }
    all.iter().try_for_each(|one| writeln!(f, "{one}"))
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, name, state, mebibytes, focus } = self;
        let focus = if *focus { "  has the focus" } else { "" };
        write!(f, "{number}  {name:<12} {state:<8} {mebibytes} MiB{focus}")
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>9}.{:03} us {}", self.ago / 1000, self.ago % 1000, self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_one_line_of_json() {
        let done = Answer::Done { guest: "a".into(), what: "paused" };
        assert_eq!(done.json(), r#"{"done":{"guest":"a","what":"paused"}}"#);
        let odd = Answer::Error("\"\n\u{1}\"".into());
        assert_eq!(odd.json(), r#"{"error":"\"\n\u0001\""}"#);
        let row = Row { number: 1, name: "a".into(), state: "runs", mebibytes: 16, focus: true };
        let all = Answer::Guests(vec![row]);
        let json = r#"{"guests":[{"number":1,"name":"a","state":"runs","mebibytes":16,"focus":true}]}"#;
        assert_eq!(all.json(), json);
        assert_eq!(all.to_string(), "1  a            runs     16 MiB  has the focus\n");
    }

    #[test]
    fn nothing_found_is_said_to_be_nothing() {
        assert_eq!(Answer::Idt(Vec::new()).to_string(), "none\n");
    }

    #[test]
    fn help_fits_a_terminal() {
        let help = Answer::help().to_string();
        assert!(help.lines().all(|line| line.len() <= 90), "{help}");
    }
}
