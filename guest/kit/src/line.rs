//! A line being typed.
//!
//! Bytes go in one by one, a person's or a pipe's; what should appear on the
//! terminal comes out. Enter may arrive as CR, LF or both, and backspace as
//! either of its two codes.
//!
//! Invariants:
//! - A line never outgrows its buffer (`what_does_not_fit_is_refused_with_a_bell`).
//! - CR LF ends one line, not two (`cr_lf_is_one_enter`).
//!
//! Next on the tour: [`crate::devices`].

/// Longest line, in bytes.
pub const LINE_MAX: usize = 120;

const BELL: &str = "\x07";
const RUB_OUT: &str = "\x08 \x08";
const BACKSPACE: u8 = 0x08;
const DELETE: u8 = 0x7F;
/// Ctrl-U: drops the line.
const KILL_LINE: u8 = 0x15;

/// What one byte did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Typed {
    /// It belongs to the line: show it.
    Letter(u8),
    /// Show this instead.
    Show(&'static str),
    /// That many letters are gone: rub them out.
    RubbedOut(usize),
    /// The line is complete.
    Enter,
    /// Nothing at all.
    Nothing,
}

/// The line so far.
#[derive(Debug)]
pub struct Line {
    bytes: [u8; LINE_MAX],
    len: usize,
    after_cr: bool,
}

impl Default for Line {
    fn default() -> Self {
        Self::new()
    }
}

impl Line {
    /// What moves the cursor back, blanks a letter and moves back again.
    pub const RUB_OUT: &'static str = RUB_OUT;

    /// An empty line.
    pub const fn new() -> Self {
        Self { bytes: [0; LINE_MAX], len: 0, after_cr: false }
    }

    /// The letters so far; only ASCII is ever let in.
    pub fn text(&self) -> &str {
        str::from_utf8(&self.bytes[..self.len]).unwrap_or("")
    }

    /// Forgets the letters, but not that a CR came last.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Takes one byte.
    pub fn feed(&mut self, byte: u8) -> Typed {
        let after_cr = core::mem::replace(&mut self.after_cr, byte == b'\r');
        match byte {
            b'\n' if after_cr => Typed::Nothing,
            b'\r' | b'\n' => Typed::Enter,
            BACKSPACE | DELETE => self.rub_out(1),
            KILL_LINE => self.rub_out(self.len),
            b'\t' => self.push(b' '),
            b' '..=b'~' => self.push(byte),
            _ => Typed::Nothing,
        }
    }

    fn push(&mut self, letter: u8) -> Typed {
        let Some(slot) = self.bytes.get_mut(self.len) else { return Typed::Show(BELL) };
        *slot = letter;
        self.len += 1;
        Typed::Letter(letter)
    }

    fn rub_out(&mut self, letters: usize) -> Typed {
        let gone = letters.min(self.len);
        self.len -= gone;
        Typed::RubbedOut(gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn type_in(line: &mut Line, bytes: &[u8]) -> usize {
        bytes.iter().filter(|&&byte| line.feed(byte) == Typed::Enter).count()
    }

    #[test]
    fn cr_lf_is_one_enter() {
        assert_eq!(type_in(&mut Line::new(), b"a\r\nb\rc\nd\n\n"), 5);
    }

    #[test]
    fn backspace_takes_the_last_letter_and_stops_at_the_prompt() {
        let mut line = Line::new();
        type_in(&mut line, b"ab\x7f\x08");
        assert_eq!(line.text(), "");
        assert_eq!(line.feed(BACKSPACE), Typed::RubbedOut(0));
    }

    #[test]
    fn ctrl_u_takes_the_whole_line() {
        let mut line = Line::new();
        type_in(&mut line, b"abc");
        assert_eq!(line.feed(KILL_LINE), Typed::RubbedOut(3));
        assert_eq!(line.text(), "");
    }

    #[test]
    fn what_does_not_fit_is_refused_with_a_bell() {
        let mut line = Line::new();
        type_in(&mut line, &[b'x'; LINE_MAX]);
        assert_eq!(line.feed(b'y'), Typed::Show(BELL));
        assert_eq!(line.text().len(), LINE_MAX);
    }

    #[test]
    fn what_is_not_ascii_never_enters_the_line() {
        let mut line = Line::new();
        type_in(&mut line, "ä\x1b€z".as_bytes());
        assert_eq!(line.text(), "z");
    }
}
