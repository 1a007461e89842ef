//! A terminal on the PC's text memory: lines, a cursor, and no colours.
//!
//! Whatever goes out on the serial line is mirrored here, for machines with a
//! monitor and no cable. Control sequences a serial terminal would understand
//! are swallowed, since as glyphs they would only be noise.
//!
//! Invariants:
//! - No byte makes it write outside the 25 by 80 cells (`any_bytes_stay_on_the_screen`).
//! - A line that fills the screen's width exactly leaves no empty line behind
//!   (`a_full_line_wraps_only_when_more_comes`).
//!
//! Next on the tour: [`super::pit`].

/// Columns of the screen.
pub const COLUMNS: usize = 80;
/// Rows of the screen.
pub const ROWS: usize = 25;
const TAB: usize = 8;
const ESCAPE: u8 = 0x1B;
const BACKSPACE: u8 = 0x08;

/// The cells behind a [`Screen`].
pub trait TextMemory {
    /// Shows `glyph` in a cell counted row by row, below `ROWS * COLUMNS`.
    fn put(&mut self, cell: usize, glyph: u8);
    /// Moves every row up by one and empties the last.
    fn scroll(&mut self);
}

/// How far into a control sequence the last byte led.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sequence {
    None,
    Escape,
    Parameters,
}

/// A cursor on [`TextMemory`].
#[derive(Debug)]
pub struct Screen<M> {
    memory: M,
    row: usize,
    column: usize,
    sequence: Sequence,
}

impl<M: TextMemory> Screen<M> {
    /// A screen with the cursor in the upper left corner.
    pub const fn new(memory: M) -> Self {
        Self { memory, row: 0, column: 0, sequence: Sequence::None }
    }

    /// The cell the cursor is in, or the row's last one when the row is full.
    pub fn cursor(&self) -> usize {
        self.row * COLUMNS + self.column.min(COLUMNS - 1)
    }

    /// Shows a byte or does what it says.
    pub fn put(&mut self, byte: u8) {
        match (self.sequence, byte) {
            (_, ESCAPE) => self.sequence = Sequence::Escape,
            (Sequence::Escape, b'[') => self.sequence = Sequence::Parameters,
            (Sequence::Parameters, 0x20..=0x3F) => {}
            (Sequence::Escape | Sequence::Parameters, _) => self.sequence = Sequence::None,
            (Sequence::None, b'\n') => self.new_line(),
            (Sequence::None, b'\r') => self.column = 0,
            (Sequence::None, BACKSPACE) => self.column = self.column.saturating_sub(1),
            (Sequence::None, b'\t') => self.column = (self.column / TAB + 1) * TAB,
            (Sequence::None, 0x20..=0x7E | 0x80..) => self.glyph(byte),
            (Sequence::None, 0x00..=0x1F | 0x7F) => {}
        }
    }

    fn glyph(&mut self, glyph: u8) {
        if self.column >= COLUMNS {
            self.column = 0;
            self.new_line();
        }
        self.memory.put(self.row * COLUMNS + self.column, glyph);
        self.column += 1;
    }

    /// Moves down only: the console sends a carriage return with each line feed.
    fn new_line(&mut self) {
        if self.row + 1 < ROWS {
            self.row += 1;
        } else {
            self.memory.scroll();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fake([u8; ROWS * COLUMNS]);

    impl TextMemory for Fake {
        fn put(&mut self, cell: usize, glyph: u8) {
            self.0[cell] = glyph;
        }

        fn scroll(&mut self) {
            self.0.copy_within(COLUMNS.., 0);
            self.0[(ROWS - 1) * COLUMNS..].fill(b' ');
        }
    }

    fn screen_after(bytes: impl IntoIterator<Item = u8>) -> Screen<Fake> {
        let mut screen = Screen::new(Fake([b' '; ROWS * COLUMNS]));
        bytes.into_iter().for_each(|byte| screen.put(byte));
        screen
    }

    fn row(screen: &Screen<Fake>, row: usize) -> &str {
        str::from_utf8(&screen.memory.0[row * COLUMNS..][..COLUMNS]).unwrap().trim_end()
    }

    #[test]
    fn the_screen_scrolls_when_it_is_full() {
        let screen = screen_after((0..30).flat_map(|line| format!("line {line}\r\n").into_bytes()));
        assert_eq!((row(&screen, 0), row(&screen, 23), row(&screen, 24)), ("line 6", "line 29", ""));
    }

    #[test]
    fn a_full_line_wraps_only_when_more_comes() {
        let screen = screen_after([b'x'; COLUMNS].into_iter().chain(*b"\r\nnext"));
        assert_eq!((row(&screen, 0).len(), row(&screen, 1)), (COLUMNS, "next"));
        let screen = screen_after([b'x'; COLUMNS + 1]);
        assert_eq!((row(&screen, 0).len(), row(&screen, 1)), (COLUMNS, "x"));
    }

    #[test]
    fn control_sequences_leave_no_trace() {
        assert_eq!(row(&screen_after(*b"a\x1b[1;31mb\x1b[Kc\x1bMd\x07\x7fe"), 0), "abcde");
    }

    #[test]
    fn a_backspace_goes_back_as_far_as_the_margin() {
        assert_eq!(row(&screen_after(*b"ab\x08\x08\x08xy"), 0), "xy");
    }

    #[test]
    fn any_bytes_stay_on_the_screen() {
        let mut seed = 7_u32;
        // Miri is a thousand times slower, and looks for something else.
        let count = if cfg!(miri) { 500 } else { 100_000 };
        let bytes = (0..count).map(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 24) as u8
        });
        let screen = screen_after(bytes);
        assert!(screen.cursor() < ROWS * COLUMNS);
    }
}
