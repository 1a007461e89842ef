//! What a Guest has said: the last of it, and how much of that was shown.
//!
//! ```text
//!        oldest        shown         ready      written
//!  ........|#############|=============|..........|
//!   forgotten   was shown   whole lines  a line that
//!                           to be shown  is not whole yet
//! ```
//!
//! Output goes in at the end and is shown from the middle, so whatever delays
//! showing it (another Guest's turn, a person who looks elsewhere, a look back)
//! delays nothing else. The room is given once and never grows.
//!
//! Invariants:
//! - Bytes come out in the order they went in, each once until somebody looks
//!   back (`bytes_come_out_as_they_went_in`).
//! - What was forgotten before it was shown is counted
//!   (`what_is_forgotten_unseen_is_counted`).
//!
//! Next on the tour: the machine, from `machine/mod.rs`.

/// Bytes kept of a Guest's output.
pub const KEPT: usize = 64 << 10;
/// Bytes of an unfinished line that are held back at most.
pub const LONGEST: usize = 512;

/// A Guest's output. Places in it are counted from the Guest's first byte.
#[derive(Debug)]
pub struct Scrollback {
    ring: &'static mut [u8],
    written: u64,
    ready: u64,
    shown: u64,
    lost: u64,
}

impl Scrollback {
    /// Nothing said yet; what is said will be kept in `ring`.
    ///
    /// # Panics
    /// If the length of `ring` is no power of two, or less than [`LONGEST`].
    pub fn new(ring: &'static mut [u8]) -> Self {
        assert!(ring.len().is_power_of_two() && ring.len() >= LONGEST, "a ring holds a line");
        Self { ring, written: 0, ready: 0, shown: 0, lost: 0 }
    }

    /// Adds output. What ends in a newline, or grows to [`LONGEST`], is ready to be shown.
    pub fn push(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(LONGEST) {
            self.copy_in(part);
            if let Some(end) = part.iter().rposition(|&byte| byte == b'\n') {
                self.ready = self.written - (part.len() - end - 1) as u64;
            }
            if self.held() >= LONGEST as u64 {
                self.ready = self.written;
            }
        }
        let unseen = self.oldest().saturating_sub(self.shown);
        self.lost += unseen;
        self.shown += unseen;
    }

    fn copy_in(&mut self, bytes: &[u8]) {
        let start = self.place(self.written);
        let (first, rest) = bytes.split_at(bytes.len().min(self.ring.len() - start));
        self.ring[start..start + first.len()].copy_from_slice(first);
        self.ring[..rest.len()].copy_from_slice(rest);
        self.written += bytes.len() as u64;
    }

    /// What there is may be shown, whole line or not.
    pub fn release(&mut self) {
        self.ready = self.written;
    }

    /// Whether something is ready to be shown.
    pub fn is_behind(&self) -> bool {
        self.shown < self.ready
    }

    /// Up to where it is written, and shown.
    pub const fn places(&self) -> (u64, u64) {
        (self.written, self.shown)
    }

    /// Bytes that were not shown, ready or not.
    pub fn unseen(&self) -> u64 {
        self.written - self.shown
    }

    /// Bytes held back because their line is not whole.
    pub fn held(&self) -> u64 {
        self.written - self.ready
    }

    /// Takes some of what is ready: about `budget` bytes, less at the ring's end, up to [`LONGEST`]
    /// more to come to a line's end.
    pub fn take(&mut self, budget: usize) -> &[u8] {
        self.take_before(budget, u64::MAX)
    }

    /// As [`take`](Self::take), but nothing that was written at the place `end` or behind it.
    pub fn take_before(&mut self, budget: usize, end: u64) -> &[u8] {
        let start = self.place(self.shown);
        let there = (self.ready.min(end).saturating_sub(self.shown) as usize).min(self.ring.len() - start);
        let piece = &self.ring[start..start + there];
        let len = match budget.checked_sub(1) {
            Some(last) if there > budget => {
                let rest = &piece[last..there.min(budget + LONGEST)];
                rest.iter().position(|&byte| byte == b'\n').map_or(budget, |end| last + end + 1)
            }
            Some(_) => there,
            None => 0,
        };
        self.shown += len as u64;
        &piece[..len]
    }

    /// Goes back to the oldest byte kept, and returns how many there are.
    pub fn rewind(&mut self) -> u64 {
        self.lost = 0;
        self.shown = self.oldest();
        self.written - self.shown
    }

    /// Goes back to where the unfinished line begins, at most [`LONGEST`] bytes.
    pub fn rewind_line(&mut self) {
        let limit = self.oldest().max(self.shown.saturating_sub(LONGEST as u64));
        while self.shown > limit && self.ring[self.place(self.shown - 1)] != b'\n' {
            self.shown -= 1;
        }
    }

    /// How many bytes were forgotten before they were shown, since this was asked last.
    pub fn take_lost(&mut self) -> u64 {
        core::mem::take(&mut self.lost)
    }

    fn oldest(&self) -> u64 {
        self.written.saturating_sub(self.ring.len() as u64)
    }

    fn place(&self, at: u64) -> usize {
        at as usize & (self.ring.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scrollback(len: usize) -> Scrollback {
        Scrollback::new(Box::leak(vec![0; len].into_boxed_slice()))
    }

    /// Takes all that is ready, `budget` bytes at a time.
    fn drain(kept: &mut Scrollback, budget: usize) -> String {
        let mut all = Vec::new();
        while kept.is_behind() {
            all.extend_from_slice(kept.take(budget));
        }
        String::from_utf8(all).unwrap()
    }

    #[test]
    fn bytes_come_out_as_they_went_in() {
        let mut kept = scrollback(1024);
        let mut said = String::new();
        let mut heard = String::new();
        for number in 0..2000 {
            let line = format!("line {number}{}\n", "-".repeat(number % 90));
            kept.push(line.as_bytes());
            said += &line;
            heard += &drain(&mut kept, 1 + number % 200);
        }
        assert_eq!(heard, said);
        assert_eq!(kept.take_lost(), 0);
    }

    #[test]
    fn a_line_is_held_back_until_it_is_whole_or_long_or_released() {
        let mut kept = scrollback(LONGEST * 2);
        kept.push(b"one\ntw");
        assert_eq!((drain(&mut kept, 99).as_str(), kept.held()), ("one\n", 2));
        kept.push(b"o\n");
        assert_eq!(drain(&mut kept, 99), "two\n");
        kept.push(&[b'x'; LONGEST + 1]);
        assert_eq!((drain(&mut kept, 99).len(), kept.held()), (LONGEST, 1));
        kept.release();
        assert_eq!(drain(&mut kept, 99), "x");
    }

    #[test]
    fn a_piece_ends_with_a_line_if_one_ends_near() {
        let mut kept = scrollback(2048);
        kept.push(b"first\nsecond\nthird\n");
        assert_eq!(kept.take(2), b"first\n");
        assert_eq!(kept.take(8), b"second\nthird\n");
        assert_eq!(kept.take(8), b"");
        kept.push(&[b'x'; LONGEST]);
        assert_eq!(kept.take(3), b"xxx");
        assert_eq!(kept.take(0), b"");
    }

    #[test]
    fn what_is_forgotten_unseen_is_counted() {
        let mut kept = scrollback(LONGEST);
        kept.push(&[b'a'; LONGEST]);
        kept.push(b"bc\n");
        assert_eq!((kept.take_lost(), kept.take_lost()), (3, 0));
        assert_eq!(drain(&mut kept, LONGEST), "a".repeat(LONGEST - 3) + "bc\n");
    }

    #[test]
    fn a_look_back_begins_with_the_oldest_byte() {
        let mut kept = scrollback(LONGEST);
        kept.push(b"old\nnew\n> ");
        kept.release();
        drain(&mut kept, LONGEST);
        assert_eq!(kept.rewind(), 10);
        assert_eq!(drain(&mut kept, LONGEST), "old\nnew\n> ");
        kept.rewind_line();
        assert_eq!(drain(&mut kept, LONGEST), "> ");
    }
}
