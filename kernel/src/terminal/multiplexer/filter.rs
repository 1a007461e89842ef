//! What a Guest's bytes mean to a terminal, told apart.
//!
//! ```text
//!   Ground --ESC--> Escape --[--> Sequence --last byte--> Ground
//!     |                |---] P X ^ _ k --> Text --BEL, ESC \, newline--> Ground
//!     |                '---( ) * + # % space ...--> Intermediate --any--> Ground
//!     '--0xC2 … 0xF4--> Letter --its last byte--> Ground
//! ```
//!
//! Nothing is decided here but this: what is whole goes on to
//! [`super::guard`], piece by piece, and what a terminal should never get from
//! a Guest is gone. That is all text within `OSC`, `DCS`, `APC`, `PM`, `SOS`
//! (titles, the clipboard, keys redefined, questions), the controls above 0x7F,
//! letters that cannot be seen or turn the direction of writing, and bytes
//! that are no UTF-8.
//!
//! Invariants:
//! - A piece is whole however the bytes are cut into writes (`cuts_make_no_difference`).
//! - State is a few bytes, however long a sequence is (`a_sequence_may_be_endless`).
//! - What was left unfinished swallows no more than the rest of its line
//!   (`an_unfinished_text_ends_with_its_line`).
//!
//! Source: ECMA-48; "XTerm Control Sequences"; RFC 3629.
//!
//! Next on the tour: [`super::margin`].

use crate::terminal::plain::is_hidden;

/// Bytes of a sequence's parameters at most; a longer one is swallowed.
const PARAMETERS: usize = 40;
const ESCAPE: u8 = 0x1B;
const BELL: u8 = 0x07;

/// A piece of what a Guest has written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Piece<'a> {
    /// Visible letters of ASCII, and spaces.
    Text(&'a [u8]),
    /// One letter beyond ASCII.
    Letter(&'a [u8]),
    /// Something that is no text.
    Noise,
    /// A control code below 0x20.
    Control(u8),
    /// ESC and this byte.
    Escape(u8),
    /// ESC, the first and the second.
    Designate(u8, u8),
    /// A control sequence: what is between `ESC [` and its last byte, and that.
    Sequence(&'a [u8], u8),
}

/// How far into something the last byte led.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum State {
    #[default]
    Ground,
    Escape,
    Intermediate(u8),
    Sequence,
    Text,
    /// Bytes still to come of a letter.
    Letter(u8),
}

/// One Guest's bytes, up to where they have come.
#[derive(Debug)]
pub struct Filter {
    state: State,
    kept: [u8; PARAMETERS],
    len: usize,
}

impl Default for Filter {
    fn default() -> Self {
        Self { state: State::Ground, kept: [0; PARAMETERS], len: 0 }
    }
}

impl Filter {
    /// Takes bytes, and gives `piece` what is whole.
    pub fn feed(&mut self, mut bytes: &[u8], piece: &mut dyn FnMut(Piece<'_>)) {
        while let Some((&byte, rest)) = bytes.split_first() {
            if self.state == State::Ground {
                let len = bytes.iter().position(|byte| !(0x20..0x7F).contains(byte)).unwrap_or(bytes.len());
                if len > 0 {
                    piece(Piece::Text(&bytes[..len]));
                    bytes = &bytes[len..];
                    continue;
                }
            }
            self.take(byte, piece);
            bytes = rest;
        }
    }

    fn take(&mut self, byte: u8, piece: &mut dyn FnMut(Piece<'_>)) {
        let state = core::mem::take(&mut self.state);
        match (state, byte) {
            (State::Letter(left), 0x80..0xC0) => return self.letter(left, byte, piece),
            (State::Letter(_), _) => piece(Piece::Noise),
            _ => {}
        }
        match (state, byte) {
            (_, ESCAPE) => self.state = State::Escape,
            (State::Text, BELL) => {}
            (State::Text, b'\n') | (State::Ground | State::Letter(_), 0..0x20) => piece(Piece::Control(byte)),
            // Cancel and substitute end whatever it is.
            (_, 0x18 | 0x1A) => {}
            (State::Text, _) => self.state = State::Text,
            (_, 0..0x20) => piece(Piece::Control(byte)),
            (State::Ground | State::Letter(_), _) => self.begin(byte, piece),
            (State::Escape, b'[') => (self.state, self.len) = (State::Sequence, 0),
            (State::Escape, b']' | b'P' | b'X' | b'^' | b'_' | b'k') => self.state = State::Text,
            (State::Escape, 0x20..0x30) => self.state = State::Intermediate(byte),
            (State::Escape, 0x30..0x7F) => piece(Piece::Escape(byte)),
            (State::Intermediate(first), 0x30..0x7F) => piece(Piece::Designate(first, byte)),
            (State::Sequence, _) => self.sequence(byte, piece),
            (State::Escape | State::Intermediate(_), _) => {}
        }
    }

    /// A byte at the beginning of something that is no control.
    fn begin(&mut self, byte: u8, piece: &mut dyn FnMut(Piece<'_>)) {
        let more = match byte {
            0x20..0x7F => return piece(Piece::Text(&[byte])),
            0x7F => return,
            0xC2..0xE0 => 1,
            0xE0..0xF0 => 2,
            0xF0..0xF5 => 3,
            _ => return piece(Piece::Noise),
        };
        self.kept[0] = byte;
        (self.state, self.len) = (State::Letter(more), 1);
    }

    fn letter(&mut self, left: u8, byte: u8, piece: &mut dyn FnMut(Piece<'_>)) {
        self.kept[self.len] = byte;
        self.len += 1;
        if left > 1 {
            self.state = State::Letter(left - 1);
            return;
        }
        let bytes = &self.kept[..self.len];
        match core::str::from_utf8(bytes).ok().and_then(|text| text.chars().next()) {
            Some(letter) if is_hidden(letter) => {}
            Some(_) => piece(Piece::Letter(bytes)),
            None => piece(Piece::Noise),
        }
    }

    fn sequence(&mut self, byte: u8, piece: &mut dyn FnMut(Piece<'_>)) {
        if !(0x20..0x40).contains(&byte) {
            if self.len <= PARAMETERS && (0x40..0x7F).contains(&byte) {
                piece(Piece::Sequence(&self.kept[..self.len], byte));
            }
            return;
        }
        if let Some(place) = self.kept.get_mut(self.len) {
            *place = byte;
        }
        self.len = (self.len + 1).min(PARAMETERS + 1);
        self.state = State::Sequence;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces in words, texts joined.
    fn pieces(cuts: &[&[u8]]) -> String {
        let (mut filter, mut all) = (Filter::default(), String::new());
        for cut in cuts {
            filter.feed(cut, &mut |piece| match piece {
                Piece::Text(text) | Piece::Letter(text) => all += core::str::from_utf8(text).unwrap(),
                Piece::Noise => all += "?",
                Piece::Control(code) => all += &format!("<{code}>"),
                Piece::Escape(last) => all += &format!("<ESC {}>", char::from(last)),
                Piece::Designate(a, b) => all += &format!("<ESC {}{}>", char::from(a), char::from(b)),
                Piece::Sequence(numbers, last) => {
                    all += &format!("<{}{}>", core::str::from_utf8(numbers).unwrap(), char::from(last));
                }
            });
        }
        all
    }

    #[test]
    fn sequences_letters_and_text_are_told_apart() {
        let bytes = "a\x1b[1;31mé\x1b7\x1b(B\r\n\x1b[?25l€".as_bytes();
        assert_eq!(pieces(&[bytes]), "a<1;31m>é<ESC 7><ESC (B><13><10><?25l>€");
    }

    #[test]
    fn cuts_make_no_difference() {
        let bytes = "x\x1b[1;31mé€😀\x1b]0;title\x07\x1bP$qm\x1b\\y\x1b(0\x1b[>cz\u{9b}\u{202e}!".as_bytes();
        let whole = pieces(&[bytes]);
        assert_eq!(whole, "x<1;31m>é€😀<ESC \\>y<ESC (0><>c>z!");
        for cut in 0..=bytes.len() {
            let (a, b) = bytes.split_at(cut);
            assert_eq!(pieces(&[a, b]), whole);
        }
    }

    #[test]
    fn text_of_strings_is_gone_whatever_ends_it() {
        for start in ["]", "P", "X", "^", "_", "k"] {
            for end in ["\x07", "\x1b\\", "\x18", "\x1a"] {
                let text = format!("a\x1b{start}52;c;aGVsbG8={end}b");
                assert_eq!(pieces(&[text.as_bytes()]).replace("<ESC \\>", ""), "ab");
            }
        }
    }

    #[test]
    fn an_unfinished_text_ends_with_its_line() {
        assert_eq!(pieces(&[b"\x1b]0;title\nmore"]), "<10>more");
        assert_eq!(pieces(&[b"\x1b[1;\nmore"]), "<10>more");
        assert_eq!(pieces(&[b"\x1b\nmore"]), "<10>more");
    }

    #[test]
    fn a_sequence_may_be_endless() {
        let endless = [b"\x1b[".as_slice(), &b"99;".repeat(1000), b"m."].concat();
        assert_eq!(pieces(&[&endless]), ".");
    }

    #[test]
    fn what_is_no_utf_8_is_noise_and_controls_in_it_are_gone() {
        assert_eq!(
            pieces(&[b"\x9b6n\x90\xff\xc3(\xe2\x82\xf0\x9f\x98x\xc0\xafy\xed\xa0\x80z\xc2\x9b5n"]),
            "?6n???(??x??y?z5n"
        );
    }

    #[test]
    fn letters_that_hide_or_turn_are_gone() {
        let text = "h\u{200b}o\u{ad}s\u{feff}t\u{202e}:\u{e0041}";
        assert_eq!(pieces(&[text.as_bytes()]), "host:");
    }
}
