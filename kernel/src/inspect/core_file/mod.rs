//! A core file of a dead Guest: what `gdb guest.elf core` opens.
//!
//! ELF as Linux writes it for the i386: a note with the registers, and memory
//! by the linear addresses it had in the Guest's tables when it died, so that a
//! debugger finds what the Guest's own code would have found. Pages of zeroes
//! are named but not sent, for the line may be slow.
//!
//! ```text
//!   survey: which pages are there, which of them are zeroes      some pages a turn
//!   head:   ELF header, a program header for each run, the notes
//!   pages:  one after the other, as the line takes them          some bytes a turn
//! ```
//!
//! Invariants:
//! - A Guest that is dead does not change, so the pages are those surveyed.
//! - However a Guest has bent its tables, the file and the room for its headers are bounded
//!   ([`survey`]), and so is each turn.
//! - What a debugger reads is what the Guest would have read (`memory_is_found_by_its_linear_address`).
//!
//! Source: Tool Interface Standard, ELF 1.2; System V ABI, i386 supplement;
//! `elf_prstatus` and `elf_prpsinfo` of Linux.
//!
//! Next on the tour: [`survey`].

pub mod head;
pub mod survey;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use abi::{GuestLinear, GuestMemory, KillReason, PAGE_SIZE};

use self::survey::Survey;
use crate::guest::Guest;
use crate::shadow::look::Space;

/// Pages looked at in a turn.
const PAGES_PER_TURN: usize = 256;
/// Most bytes given to the line at a time.
const PIECE: usize = PAGE_SIZE as usize;
/// Pieces sent in a turn.
const PIECES_PER_TURN: usize = 4;

/// What becomes of it next.
enum Stage {
    /// It is found out what there is.
    Survey(Survey),
    /// Headers and notes are sent, then the pages of each run.
    Send(Vec<survey::Run>),
}

/// A core file being made.
pub struct CoreFile {
    name: String,
    /// What the Guest died of.
    sentence: String,
    space: Space,
    stage: Stage,
    /// What is sent now, how much of it the line has taken, ...
    piece: Vec<u8>,
    taken: usize,
    /// ... and which comes next: the run, and the page in it.
    next: (usize, u32),
    /// Bytes the line has taken, and what they will be in the end.
    sent: u64,
    len: u64,
    left_out: u32,
}

impl CoreFile {
    /// Begins the one of `guest`, which is called `name` and died for `reason`.
    pub fn new<M: GuestMemory>(guest: &Guest<M>, name: &str, reason: &KillReason) -> Self {
        let mut sentence = String::new();
        // Writing to a string does not fail.
        let _ = write!(sentence, "{reason}");
        Self {
            name: name.into(),
            sentence,
            space: guest.shadow.space(),
            stage: Stage::Survey(Survey::new(guest.memory.limit())),
            piece: Vec::new(),
            taken: 0,
            next: (0, 0),
            sent: 0,
            len: 0,
            left_out: 0,
        }
    }

    /// Whose it is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bytes the line has taken, and bytes there will be; 0 while that is being found out.
    pub const fn progress(&self) -> (u64, u64) {
        (self.sent, self.len)
    }

    /// Pages the Guest had that are not in the file: there were too many, or too many runs.
    pub const fn left_out(&self) -> u32 {
        self.left_out
    }

    /// Goes on for a turn; `send` says how many bytes the line has taken. False when all is done.
    pub fn turn<M: GuestMemory>(&mut self, guest: &Guest<M>, mut send: impl FnMut(&[u8]) -> usize) -> bool {
        if let Stage::Survey(survey) = &mut self.stage {
            if !survey.turn(self.space, &guest.memory, PAGES_PER_TURN) {
                let (runs, left_out) = survey.take();
                self.left_out = left_out;
                self.piece = head::bytes(&guest.regs, &self.name, &self.sentence, &runs);
                self.len = self.piece.len() as u64 + survey::content(&runs);
                self.stage = Stage::Send(runs);
            }
            return true;
        }
        for _ in 0..PIECES_PER_TURN {
            let piece = &self.piece[self.taken..];
            let taken = send(&piece[..piece.len().min(PIECE)]);
            (self.taken, self.sent) = (self.taken + taken, self.sent + taken as u64);
            if self.taken < self.piece.len() {
                return true;
            }
            if !self.next_page(&guest.memory) {
                return false;
            }
        }
        true
    }

    /// Fetches the next page with content; false if there is none.
    fn next_page(&mut self, memory: &impl GuestMemory) -> bool {
        let Stage::Send(runs) = &self.stage else { return false };
        let (mut run, mut page) = self.next;
        while runs.get(run).is_some_and(|run| page == run.content) {
            (run, page) = (run + 1, 0);
        }
        let Some(&survey::Run { at, .. }) = runs.get(run) else { return false };
        self.piece.clear();
        self.piece.resize(PAGE_SIZE as usize, 0);
        self.space.read(memory, GuestLinear(at + page * PAGE_SIZE), &mut self.piece);
        (self.taken, self.next) = (0, (run, page + 1));
        true
    }
}

#[cfg(test)]
mod tests;
