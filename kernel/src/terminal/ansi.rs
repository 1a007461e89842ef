//! What a byte tells a terminal to do: the control codes and the few escape
//! sequences that shells, editors and boot messages send.
//!
//! ```text
//!   Ground --ESC--> Escape --[--> Parameters --final--> Ground
//!                      |---]--> Text --BEL, ESC, newline--> Ground
//!                      '---( ) # %--> Designator --any--> Ground
//! ```
//!
//! Sequences that mean nothing here are swallowed, since as glyphs they would
//! only be noise.
//!
//! Invariants:
//! - State is a few bytes, however long a sequence is (`a_sequence_may_be_endless`).
//! - A line's end, or a control code, is never part of a sequence: one left
//!   unfinished swallows no more than the rest of its line
//!   (`an_unfinished_sequence_ends_with_its_line`).
//!
//! Source: ECMA-48; "XTerm Control Sequences".
//!
//! Next on the tour: [`super::screen`].

/// Numbers of a sequence that are remembered; more have no meaning here.
pub const MAX_NUMBERS: usize = 8;
const ESCAPE: u8 = 0x1B;
const BELL: u8 = 0x07;

/// What to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Show a glyph.
    Glyph(u8),
    /// Obey a control code below 0x20.
    Control(u8),
    /// Obey ESC and this byte.
    Escape(u8),
    /// Obey a control sequence: its last byte, and the numbers before that.
    Sequence(u8, Numbers),
}

/// The numbers of a control sequence; those left out are 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Numbers {
    numbers: [u16; MAX_NUMBERS],
    last: usize,
}

impl Numbers {
    /// Number `index`, at least 1: for counts and places.
    pub fn count(&self, index: usize) -> usize {
        self.numbers.get(index).map_or(1, |&number| usize::from(number.max(1)))
    }

    /// All that were given, at least one.
    pub fn all(&self) -> &[u16] {
        &self.numbers[..=self.last.min(MAX_NUMBERS - 1)]
    }

    fn digit(&mut self, digit: u8) {
        if let Some(number) = self.numbers.get_mut(self.last) {
            *number = number.saturating_mul(10).saturating_add(digit.into());
        }
    }

    fn next(&mut self) {
        self.last = (self.last + 1).min(MAX_NUMBERS);
    }
}

/// How far into a sequence the last byte led.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum State {
    #[default]
    Ground,
    Escape,
    /// Behind `ESC [`; a private one is not ours to obey.
    Parameters {
        numbers: Numbers,
        is_private: bool,
    },
    /// A title or the like.
    Text,
    /// One byte to be swallowed.
    Designator,
}

/// Whether `byte` is a glyph wherever no sequence is under way.
#[inline]
pub const fn is_plain_glyph(byte: u8) -> bool {
    byte >= 0x20 && byte != 0x7F
}

/// The parser.
#[derive(Debug, Default)]
pub struct Ansi(State);

impl Ansi {
    /// In the middle of nothing.
    pub const fn new() -> Self {
        Self(State::Ground)
    }

    /// Whether `byte` is a glyph and nothing else, which can be shown without feeding it.
    pub fn is_glyph(&self, byte: u8) -> bool {
        is_plain_glyph(byte) && matches!(self.0, State::Ground)
    }

    /// Takes a byte; `None` if there is nothing to do yet, or at all.
    pub fn feed(&mut self, byte: u8) -> Option<Action> {
        let state = core::mem::take(&mut self.0);
        match (state, byte) {
            (_, ESCAPE) => self.go(State::Escape),
            (State::Text, BELL) => None,
            (_, 0x00..0x20) => Some(Action::Control(byte)),
            (State::Ground, 0x7F) => None,
            (State::Ground, _) => Some(Action::Glyph(byte)),
            (State::Escape, b'[') => {
                self.go(State::Parameters { numbers: Numbers::default(), is_private: false })
            }
            (State::Escape, b']' | b'P' | b'_' | b'^') => self.go(State::Text),
            (State::Escape, b'(' | b')' | b'#' | b'%') => self.go(State::Designator),
            (State::Escape, _) => Some(Action::Escape(byte)),
            (State::Parameters { numbers, is_private }, _) => self.parameter(numbers, is_private, byte),
            (State::Text, _) => self.go(State::Text),
            (State::Designator, _) => None,
        }
    }

    fn parameter(&mut self, mut numbers: Numbers, mut is_private: bool, byte: u8) -> Option<Action> {
        match byte {
            b'0'..=b'9' => numbers.digit(byte - b'0'),
            b';' | b':' => numbers.next(),
            // A private mark, or a byte in between that makes it another sequence.
            0x20..0x40 => is_private = true,
            _ => return (!is_private).then_some(Action::Sequence(byte, numbers)),
        }
        self.go(State::Parameters { numbers, is_private })
    }

    fn go(&mut self, state: State) -> Option<Action> {
        self.0 = state;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glyph_is_one_wherever_it_is_not_part_of_a_sequence() {
        let mut ansi = Ansi::new();
        for byte in (0..=0xFF).chain(*b"\x1b[1;2mx\x1b]title\x07y\x1b(Bz") {
            let said = ansi.is_glyph(byte);
            assert_eq!(ansi.feed(byte) == Some(Action::Glyph(byte)), said, "{byte:#x}");
        }
    }

    fn actions(bytes: &[u8]) -> Vec<Action> {
        let mut ansi = Ansi::new();
        bytes.iter().filter_map(|&byte| ansi.feed(byte)).collect()
    }

    /// The glyphs among the actions.
    fn glyphs(bytes: &[u8]) -> String {
        let glyph = |action: &Action| match action {
            Action::Glyph(glyph) => Some(char::from(*glyph)),
            _ => None,
        };
        actions(bytes).iter().filter_map(glyph).collect()
    }

    #[test]
    fn numbers_are_read_and_those_left_out_are_defaults() {
        let [Action::Sequence(b'H', numbers)] = actions(b"\x1b[12;;7H")[..] else { panic!("one sequence") };
        assert_eq!(numbers.all(), [12, 0, 7]);
        assert_eq!((numbers.count(0), numbers.count(1), numbers.count(2), numbers.count(3)), (12, 1, 7, 1));
        let [Action::Sequence(b'm', numbers)] = actions(b"\x1b[m")[..] else { panic!("one sequence") };
        assert_eq!(numbers.all(), [0]);
    }

    #[test]
    fn a_sequence_may_be_endless() {
        let endless = [b"\x1b[".as_slice(), &b"99;".repeat(1000), b"999999999999m."].concat();
        assert_eq!(glyphs(&endless), ".");
        let [Action::Sequence(b'm', numbers), _] = actions(&endless)[..] else { panic!("one sequence") };
        assert_eq!(numbers.all(), [99; MAX_NUMBERS]);
    }

    #[test]
    fn what_is_not_understood_is_swallowed_whole() {
        let odd = b"a\x1b]0;title\x07b\x1b(Bc\x1b[?25ld\x1b[>ce\x1b]2;x\x1b\\f\x1b[4 qg\x7fh";
        assert_eq!(glyphs(odd), "abcdefgh");
    }

    #[test]
    fn an_unfinished_sequence_ends_with_its_line() {
        for start in [b"\x1b".as_slice(), b"\x1b[1;", b"\x1b]0;title", b"\x1b("] {
            assert_eq!(glyphs(&[start, b"\nhost: ".as_slice()].concat()), "host: ");
        }
    }
}
