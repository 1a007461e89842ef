//! What reaches the terminal: of a Guest's bytes what does no harm, and before each line of the
//! Host's whatever makes it legible.
//!
//! ```text
//!  Guest's bytes --> filter --> guard --> terminal      colours, and for who has the focus
//!                                 ^ |                   cursor and screen
//!  Host's line -------------------' '-> answers         typed for that Guest alone
//! ```
//!
//! A Guest may colour its text, erase its row and move along it. The one with
//! the focus may use the whole screen too. Nothing passes that makes a terminal
//! type, print, remember or rename anything; two questions that programs wait
//! for, whether it is well and where the cursor is, are answered here. What a
//! Guest has changed is remembered, and undone before anybody else writes, on a
//! line of its own; a Guest that has changed nothing costs no byte.
//!
//! Invariants:
//! - Before a line of the Host's all is as it was at the start, whatever a Guest did
//!   (`a_line_of_the_host_is_legible_after_anything`).
//! - Nothing passes that a terminal answers (`no_question_passes`).
//! - No row begins like a line of the Host's but those lines
//!   (`whatever_a_guest_writes_no_row_begins_like_the_hosts`).
//! - Plain text passes as it is (`ordinary_text_is_not_touched`).
//!
//! Source: as [`super::filter`].
//!
//! Next on the tour: [`super::scrollback`].

use core::fmt::{self, Write};

use super::filter::{Filter, Piece};
use super::margin::Margin;
use crate::terminal::bytes::ByteRing;

/// What a Guest has changed: bits.
mod changed {
    pub const COLOURS: u16 = 1 << 0;
    pub const SHIFT: u16 = 1 << 1;
    pub const LETTERS: u16 = 1 << 2;
    pub const CURSOR: u16 = 1 << 3;
    pub const WRAP: u16 = 1 << 4;
    pub const REVERSED: u16 = 1 << 5;
    pub const KEYS: u16 = 1 << 6;
    pub const KEYPAD: u16 = 1 << 7;
    pub const REGION: u16 = 1 << 8;
    pub const ALTERNATE: u16 = 1 << 9;
}
use changed::*;

/// How each is undone. The other screen first, for it takes the cursor along.
const UNDO: [(u16, &[u8]); 10] = [
    (ALTERNATE, b"\x1b[?1049l"),
    (REGION, b"\x1b[r"),
    (COLOURS, b"\x1b[0m"),
    (SHIFT, b"\x0f"),
    (LETTERS, b"\x1b(B"),
    (CURSOR, b"\x1b[?25h"),
    (WRAP, b"\x1b[?7h"),
    (REVERSED, b"\x1b[?5l"),
    (KEYS, b"\x1b[?1l"),
    (KEYPAD, b"\x1b>"),
];

/// Takes what is to be shown.
pub type Out<'a> = &'a mut dyn FnMut(&[u8]);
/// Bytes of answers for a Guest.
pub type Answers = ByteRing<64>;

/// The terminal, as far as it has to be known.
#[derive(Debug)]
pub struct Guard {
    margin: Margin,
    changed: u16,
    /// The cursor is at the start of a line, as the log has it.
    is_fresh: bool,
}

impl Default for Guard {
    fn default() -> Self {
        Self { margin: Margin::default(), changed: 0, is_fresh: true }
    }
}

/// The numbers of a sequence.
struct Numbers<'a>(&'a [u8]);

impl Numbers<'_> {
    fn all(&self) -> impl Iterator<Item = usize> {
        self.0.split(|&byte| byte == b';' || byte == b':').map(|digits| {
            digits.iter().fold(0_usize, |number, digit| (number * 10 + usize::from(digit - b'0')).min(9999))
        })
    }

    /// The number at `place`, 0 if it was left out.
    fn number(&self, place: usize) -> usize {
        self.all().nth(place).unwrap_or(0)
    }

    /// ... at least 1.
    fn count(&self, place: usize) -> usize {
        self.number(place).max(1)
    }
}

impl Guard {
    /// Guests are told that the terminal has so many columns and rows.
    pub fn set_size(&mut self, columns: usize, rows: usize) {
        self.margin.set_size(columns, rows);
    }

    /// Begins a line for somebody else: undoes what the last one changed.
    pub fn begin_line(&mut self, out: Out<'_>) {
        let is_elsewhere = !self.margin.is_lowest() || self.changed & (REGION | ALTERNATE) != 0;
        for (_, undo) in UNDO.iter().filter(|(bit, _)| self.changed & bit != 0) {
            out(undo);
        }
        if is_elsewhere {
            out(b"\x1b[999;1H");
        }
        if is_elsewhere || self.changed != 0 || !self.is_fresh {
            out(b"\n");
        }
        (self.changed, self.is_fresh) = (0, true);
        self.margin.host_wrote(true);
    }

    /// The Host has written these bytes itself.
    pub fn host_wrote(&mut self, bytes: &[u8]) {
        if let Some(last) = bytes.last() {
            self.is_fresh = *last == b'\n';
            self.margin.host_wrote(self.is_fresh);
        }
    }

    /// Shows what a Guest writes.
    pub fn feed(
        &mut self,
        filter: &mut Filter,
        bytes: &[u8],
        has_focus: bool,
        answers: &mut Answers,
        out: Out<'_>,
    ) {
        filter.feed(bytes, &mut |piece| match piece {
            Piece::Text(text) => {
                self.is_fresh = false;
                self.margin.text(text, out);
            }
            Piece::Letter(bytes) => {
                let letter = core::str::from_utf8(bytes).ok().and_then(|text| text.chars().next());
                self.margin.letter(letter.unwrap_or('?'));
                self.pass(bytes, out);
            }
            Piece::Noise => self.margin.text(b"?", out),
            Piece::Control(code) => self.control(code, out),
            Piece::Escape(last) => self.escape(last, has_focus, out),
            Piece::Designate(b'(', set @ (b'B' | b'0')) => {
                self.change(LETTERS, set == b'0');
                self.pass(&[0x1B, b'(', set], out);
            }
            Piece::Designate(..) => {}
            Piece::Sequence(parameters, last) => self.sequence(parameters, last, has_focus, answers, out),
        });
    }

    fn pass(&mut self, bytes: &[u8], out: Out<'_>) {
        self.is_fresh = false;
        out(bytes);
    }

    fn change(&mut self, what: u16, is_changed: bool) {
        self.changed = if is_changed { self.changed | what } else { self.changed & !what };
    }

    fn control(&mut self, code: u8, out: Out<'_>) {
        match code {
            0x07 => self.pass(&[code], out),
            0x08 => {
                self.margin.left(1);
                self.pass(&[code], out);
            }
            b'\t' => {
                self.margin.tab();
                self.pass(&[code], out);
            }
            b'\n' | 0x0B | 0x0C => self.new_line(out),
            b'\r' => {
                self.margin.carriage_return();
                // Behind a line's end it changes nothing, and there are Guests that send both.
                out(&[code]);
            }
            0x0E | 0x0F => {
                self.change(SHIFT, code == 0x0E);
                self.pass(&[code], out);
            }
            _ => {}
        }
    }

    fn new_line(&mut self, out: Out<'_>) {
        let has_to_erase = self.margin.new_line();
        out(b"\n");
        if has_to_erase {
            out(b"\x1b[J");
        }
        self.is_fresh = !has_to_erase;
    }

    fn escape(&mut self, last: u8, has_focus: bool, out: Out<'_>) {
        match last {
            b'D' | b'E' => return self.new_line(out),
            _ if !has_focus => return,
            b'7' => self.margin.save(),
            b'8' => {
                self.margin.restore();
                self.change(COLOURS, true);
            }
            b'M' => match self.margin.cursor() {
                (Some(1..), _) => self.margin.up(1),
                _ => self.margin.forget_rows(),
            },
            b'=' | b'>' => self.change(KEYPAD, last == b'='),
            b'c' => {
                self.begin_line(out);
                self.margin.go_to_row(0);
                self.margin.go_to_column(0);
                self.margin.erase_all();
                return self.pass(b"\x1b[H\x1b[2J", out);
            }
            _ => return,
        }
        self.pass(&[0x1B, last], out);
    }

    fn sequence(
        &mut self,
        parameters: &[u8],
        last: u8,
        has_focus: bool,
        answers: &mut Answers,
        out: Out<'_>,
    ) {
        let (private, digits) = match parameters.split_first() {
            Some((&mark @ b'<'..=b'?', digits)) => (Some(mark), digits),
            _ => (None, parameters),
        };
        if !digits.iter().all(|byte| byte.is_ascii_digit() || b";:".contains(byte)) {
            return;
        }
        let numbers = Numbers(digits);
        match (private, last) {
            (None, b'n') => self.answer(numbers.number(0), answers),
            (Some(b'?'), b'h' | b'l') if has_focus => {
                numbers.all().for_each(|mode| self.mode(mode, last == b'h', out));
            }
            (None, _) if self.obey(&numbers, last, has_focus, out) => {
                out(b"\x1b[");
                out(digits);
                self.pass(&[last], out);
            }
            _ => {}
        }
    }

    /// Does what a sequence says; false if it is not for a Guest to say, or has been shown already.
    fn obey(&mut self, numbers: &Numbers<'_>, last: u8, has_focus: bool, out: Out<'_>) -> bool {
        let margin = &mut self.margin;
        let count = numbers.count(0);
        match last {
            b'm' => {
                let is_plain = numbers.all().last() == Some(0);
                self.change(COLOURS, !is_plain);
            }
            b'C' | b'a' => margin.right(count),
            b'D' => margin.left(count),
            b'G' | b'`' => margin.go_to_column(count - 1),
            b'K' => match numbers.number(0) {
                0 => margin.erase_right(),
                1 => margin.erase_left(),
                2 => margin.erase_row(),
                _ => return false,
            },
            b'X' if margin.may_erase(count) => margin.erase(count),
            // What it would move is not known.
            b'@' | b'P' if !margin.is_near() => {}
            _ => return has_focus && self.obey_on_screen(numbers, last, out),
        }
        true
    }

    /// What may leave the row.
    fn obey_on_screen(&mut self, numbers: &Numbers<'_>, last: u8, out: Out<'_>) -> bool {
        let margin = &mut self.margin;
        let count = numbers.count(0);
        match last {
            b'A' => margin.up(count),
            b'B' | b'e' => margin.down(count),
            b'E' => {
                margin.down(count);
                margin.go_to_column(0);
            }
            b'F' => {
                margin.up(count);
                margin.go_to_column(0);
            }
            b'd' => margin.go_to_row(count - 1),
            b'H' | b'f' => {
                margin.go_to_row(count - 1);
                margin.go_to_column(numbers.count(1) - 1);
            }
            b'J' => match numbers.number(0) {
                0 => margin.erase_below(),
                1 => margin.erase_above(),
                2 => margin.erase_all(),
                _ => return false,
            },
            b'L' | b'M' | b'S' | b'T' => margin.forget_rows(),
            b'r' => {
                let is_set = numbers.number(0) > 1 || numbers.number(1) > 0;
                margin.set_region(is_set);
                self.change(REGION, is_set);
                // Not every terminal goes home by itself.
                out(b"\x1b[");
                out(numbers.0);
                out(b"r\x1b[H");
                self.is_fresh = false;
                return false;
            }
            b's' if numbers.0.is_empty() => margin.save(),
            b'u' if numbers.0.is_empty() => {
                margin.restore();
                self.change(COLOURS, true);
            }
            _ => return false,
        }
        true
    }

    fn mode(&mut self, mode: usize, is_set: bool, out: Out<'_>) {
        match mode {
            1 => self.change(KEYS, is_set),
            5 => self.change(REVERSED, is_set),
            7 => self.change(WRAP, !is_set),
            25 => self.change(CURSOR, !is_set),
            47 | 1047 | 1049 if is_set => {
                self.change(ALTERNATE, true);
                self.margin.forget_rows();
                return self.pass(b"\x1b[?1049h", out);
            }
            47 | 1047 | 1049 if self.changed & ALTERNATE != 0 => {
                self.change(ALTERNATE, false);
                self.margin.begin_anew();
                // A terminal that has but one screen is at the end of what it shows, too.
                return self.pass(b"\x1b[?1049l\r\x1b[J", out);
            }
            _ => return,
        }
        let mut sequence = Small::default();
        // It has room for the longest.
        let _ = write!(sequence, "\x1b[?{mode}{}", if is_set { 'h' } else { 'l' });
        self.pass(sequence.bytes(), out);
    }

    /// Answers whether the terminal is well, or where the cursor is.
    fn answer(&self, question: usize, answers: &mut Answers) {
        let mut answer = Small::default();
        let (row, column) = self.margin.cursor();
        let (columns, rows) = self.margin.size();
        let (row, column) = (row.map_or(rows, |row| rows.min(row + 1)), columns.min(column + 1));
        // It has room for the longest.
        let _ = match question {
            5 => write!(answer, "\x1b[0n"),
            6 => write!(answer, "\x1b[{row};{column}R"),
            _ => return,
        };
        if answers.room() >= answer.bytes().len() {
            answer.bytes().iter().for_each(|&byte| {
                answers.push(byte);
            });
        }
    }
}

/// A few bytes.
#[derive(Default)]
struct Small([u8; 16], usize);

impl Small {
    fn bytes(&self) -> &[u8] {
        &self.0[..self.1]
    }
}

impl Write for Small {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let place = self.0.get_mut(self.1..self.1 + text.len()).ok_or(fmt::Error)?;
        place.copy_from_slice(text.as_bytes());
        self.1 += text.len();
        Ok(())
    }
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
