//! A terminal of 25 rows by 80 columns: a cursor, colours, and cells.
//!
//! Whatever goes out on the serial line is mirrored here, for machines with a
//! monitor and no cable. It does what a shell needs to edit its line, a pager
//! its page, a boot its colours; [`super::ansi`] says what a byte means.
//!
//! Invariants:
//! - No byte makes it touch a cell outside the 25 by 80
//!   (`any_bytes_stay_on_the_screen`).
//! - A line that fills the screen's width exactly leaves no empty line behind
//!   (`a_full_line_wraps_only_when_more_comes`).
//!
//! Source: as [`super::ansi`]; IBM VGA Technical Reference, "Attribute byte".
//!
//! Next on the tour: [`super::transmit`].

use core::ops::Range;

use super::ansi::{Action, Ansi, Numbers, is_plain_glyph};

/// Columns of the screen.
pub const COLUMNS: usize = 80;
/// Rows of the screen.
pub const ROWS: usize = 25;
/// Cells of the screen.
pub const CELLS: usize = ROWS * COLUMNS;
const TAB: usize = 8;
/// Light grey on black.
const PLAIN: u8 = 0x07;
/// An empty cell.
pub const BLANK: u16 = cell(b' ', PLAIN);

/// A glyph and, above it, its colours.
const fn cell(glyph: u8, colours: u8) -> u16 {
    (colours as u16) << 8 | glyph as u16
}

/// The cells behind a [`Screen`], counted row by row, below [`CELLS`].
pub trait TextMemory {
    /// Shows `value` in a cell.
    fn put(&mut self, cell: usize, value: u16);
    /// Shows glyphs of the same colours in cells of one row, from `cell` on.
    fn put_all(&mut self, cell: usize, glyphs: &[u8], colours: u8) {
        let cells = (cell..).zip(glyphs);
        cells.for_each(|(cell, &glyph)| self.put(cell, self::cell(glyph, colours)));
    }
    /// Shows `value` in many cells.
    fn fill(&mut self, cells: Range<usize>, value: u16) {
        cells.for_each(|cell| self.put(cell, value));
    }
    /// What a cell shows.
    fn get(&self, cell: usize) -> u16;
    /// Moves every row up by one. What the last one shows then is not said.
    fn scroll(&mut self);
}

/// A cursor on [`TextMemory`].
#[derive(Debug)]
pub struct Screen<M> {
    /// The cells.
    pub memory: M,
    ansi: Ansi,
    row: usize,
    /// [`COLUMNS`] when the row is full and nothing has come since.
    column: usize,
    saved: (usize, usize),
    colours: u8,
    is_reversed: bool,
}

impl<M: TextMemory> Screen<M> {
    /// A screen with the cursor in the upper left corner.
    pub const fn new(memory: M) -> Self {
        let ansi = Ansi::new();
        Self { memory, ansi, row: 0, column: 0, saved: (0, 0), colours: PLAIN, is_reversed: false }
    }

    /// The cell the cursor is in, or the row's last one when the row is full.
    pub fn cursor(&self) -> usize {
        self.row * COLUMNS + self.column.min(COLUMNS - 1)
    }

    /// Shows bytes or does what they say; glyphs that stand behind each other are shown together.
    pub fn write(&mut self, mut bytes: &[u8]) {
        while let Some((&first, rest)) = bytes.split_first() {
            if !self.ansi.is_glyph(first) {
                self.put(first);
                bytes = rest;
                continue;
            }
            let len = bytes.iter().position(|&byte| !is_plain_glyph(byte)).unwrap_or(bytes.len());
            let (glyphs, others) = bytes.split_at(len);
            self.glyphs(glyphs);
            bytes = others;
        }
    }

    /// Shows a byte or does what it says.
    pub fn put(&mut self, byte: u8) {
        match self.ansi.feed(byte) {
            None => {}
            Some(Action::Glyph(glyph)) => self.glyphs(&[glyph]),
            Some(Action::Control(code)) => self.control(code),
            Some(Action::Escape(b'7')) => self.saved = (self.row, self.column),
            Some(Action::Escape(b'8')) => (self.row, self.column) = self.saved,
            Some(Action::Escape(b'M')) if self.row == 0 => self.push_down(0, 1),
            Some(Action::Escape(b'M')) => self.row -= 1,
            Some(Action::Escape(b'c')) => self.clear(),
            Some(Action::Escape(_)) => {}
            Some(Action::Sequence(last, numbers)) => self.sequence(last, &numbers),
        }
    }

    fn control(&mut self, code: u8) {
        match code {
            b'\n' => self.new_line(),
            b'\r' => self.column = 0,
            0x08 => self.column = self.column.min(COLUMNS - 1).saturating_sub(1),
            b'\t' => self.column = ((self.column / TAB + 1) * TAB).min(COLUMNS - 1),
            _ => {}
        }
    }

    fn sequence(&mut self, last: u8, numbers: &Numbers) {
        let count = numbers.count(0);
        match last {
            b'A' => self.row = self.row.saturating_sub(count),
            b'B' | b'e' => self.go(self.row + count, self.column),
            b'C' | b'a' => self.go(self.row, self.column + count),
            b'D' => self.go(self.row, self.column.min(COLUMNS - 1).saturating_sub(count)),
            b'E' => self.go(self.row + count, 0),
            b'F' => self.go(self.row.saturating_sub(count), 0),
            b'G' | b'`' => self.go(self.row, count - 1),
            b'd' => self.go(count - 1, self.column),
            b'H' | b'f' => self.go(count - 1, numbers.count(1) - 1),
            b'J' => self.erase(numbers, 0..CELLS),
            b'K' => self.erase(numbers, self.row * COLUMNS..(self.row + 1) * COLUMNS),
            b'X' => self.blank(self.cursor()..self.cursor() + count.min(self.rest())),
            b'L' => self.push_down(self.row, count),
            b'M' => self.pull_up(self.row, count),
            b'@' => self.push_right(count.min(self.rest())),
            b'P' => self.pull_left(count.min(self.rest())),
            b'm' => numbers.all().iter().for_each(|&number| self.colour(number)),
            b's' => self.saved = (self.row, self.column),
            b'u' => (self.row, self.column) = self.saved,
            _ => {}
        }
    }

    fn go(&mut self, row: usize, column: usize) {
        (self.row, self.column) = (row.min(ROWS - 1), column.min(COLUMNS - 1));
    }

    /// Shows glyphs, a row's rest at a time.
    fn glyphs(&mut self, mut glyphs: &[u8]) {
        let colours = if self.is_reversed { self.colours.rotate_left(4) & 0x7F } else { self.colours };
        while !glyphs.is_empty() {
            if self.column >= COLUMNS {
                self.column = 0;
                self.new_line();
            }
            let (here, rest) = glyphs.split_at(glyphs.len().min(COLUMNS - self.column));
            self.memory.put_all(self.cursor(), here, colours);
            self.column += here.len();
            glyphs = rest;
        }
    }

    /// Moves down only: the console sends a carriage return with each line feed.
    fn new_line(&mut self) {
        if self.row + 1 < ROWS {
            self.row += 1;
        } else {
            self.memory.scroll();
            self.blank(CELLS - COLUMNS..CELLS);
        }
    }

    fn clear(&mut self) {
        (self.row, self.column, self.colours, self.is_reversed) = (0, 0, PLAIN, false);
        self.blank(0..CELLS);
    }

    /// Cells from the cursor to the row's end.
    fn rest(&self) -> usize {
        (self.row + 1) * COLUMNS - self.cursor()
    }

    fn blank(&mut self, cells: Range<usize>) {
        self.memory.fill(cells, cell(b' ', self.colours));
    }

    /// Erases, of `cells`, those from the cursor on, those up to it, or all.
    fn erase(&mut self, numbers: &Numbers, cells: Range<usize>) {
        match numbers.all()[0] {
            0 => self.blank(self.cursor()..cells.end),
            1 => self.blank(cells.start..self.cursor() + 1),
            _ => self.blank(cells),
        }
    }

    /// Moves rows from `row` on up by `count`, over the first of them.
    fn pull_up(&mut self, row: usize, count: usize) {
        let by = count.min(ROWS - row) * COLUMNS;
        for index in row * COLUMNS..CELLS - by {
            self.memory.put(index, self.memory.get(index + by));
        }
        self.blank(CELLS - by..CELLS);
    }

    /// Moves rows from `row` on down by `count`.
    fn push_down(&mut self, row: usize, count: usize) {
        let by = count.min(ROWS - row) * COLUMNS;
        for index in (row * COLUMNS + by..CELLS).rev() {
            self.memory.put(index, self.memory.get(index - by));
        }
        self.blank(row * COLUMNS..row * COLUMNS + by);
    }

    /// Moves the rest of the row left by `count`, over what is at the cursor.
    fn pull_left(&mut self, count: usize) {
        let end = (self.row + 1) * COLUMNS;
        for index in self.cursor()..end - count {
            self.memory.put(index, self.memory.get(index + count));
        }
        self.blank(end - count..end);
    }

    /// Moves the rest of the row right by `count`.
    fn push_right(&mut self, count: usize) {
        let (start, end) = (self.cursor(), (self.row + 1) * COLUMNS);
        for index in (start + count..end).rev() {
            self.memory.put(index, self.memory.get(index - count));
        }
        self.blank(start..start + count);
    }

    fn colour(&mut self, number: u16) {
        /// Red and blue change places between a terminal's colours and the VGA's.
        const VGA: [u8; 8] = [0, 4, 2, 6, 1, 5, 3, 7];
        let (front, back) = (self.colours & 0x0F, self.colours & 0x70);
        self.colours = match number {
            0 => PLAIN,
            1 => back | front | 8,
            22 => back | front & 7,
            30..=37 => back | front & 8 | VGA[usize::from(number - 30)],
            39 => back | front & 8 | PLAIN,
            40..=47 => front | VGA[usize::from(number - 40)] << 4,
            49 => front,
            90..=97 => back | 8 | VGA[usize::from(number - 90)],
            _ => self.colours,
        };
        match number {
            0 | 27 => self.is_reversed = false,
            7 => self.is_reversed = true,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
