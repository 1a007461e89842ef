//! What stands at the beginning of the terminal's rows, and whether a letter would make it look like
//! a line of the Host's.
//!
//! Lines of the Host begin with `host:` or `guest NAME:`. A Guest may not make one, in the log or on
//! the screen, by whatever way it gets the letters there: the one that would complete it is shown as
//! [`MARK`] instead.
//!
//! ```text
//!    |h|o|s|t|:| ...      the first columns of each row, as far as they are known
//!    |g|u|e|s|t| | ...
//! ```
//!
//! Text that is written from left to right is looked at as text: its colon is what is marked. Where
//! the cursor has been moved the columns are looked at, in any order, and what is not known of them
//! may be anything. Nothing is known of the terminal's size but that it is no smaller than Guests are
//! told, and wraps at that width or at [`COLUMNS`].
//!
//! Invariants:
//! - Whatever is written, no row of a screen begins like a line of the Host's
//!   (`whatever_a_guest_writes_no_row_begins_like_the_hosts`, in the guard's tests).
//! - Ordinary text and full-screen programs are not touched (`ordinary_text_is_not_touched`, there).
//!
//! Next on the tour: [`super::guard`].

/// What is shown instead of a letter that would complete a line of the Host's.
pub const MARK: u8 = b'|';
/// Rows that are told apart at most.
pub const ROWS: usize = 64;
/// Columns a terminal usually has.
pub const COLUMNS: usize = 80;

/// Columns that are remembered: `guest ` is six.
const WIDTH: usize = 6;
/// The beginnings of the Host's lines, up to where they are fixed.
const BEGINNINGS: [&[u8]; 2] = [b"host:", b"guest "];
/// Letters of a row's end that are remembered: more than `guest NAME` has.
const RECENT: usize = 64;
/// Letters of a Guest's name at most.
const NAME: usize = 32;
/// Nobody knows what stands there.
const UNKNOWN: u8 = 0;
/// A column behind all others.
const FAR: usize = 9999;

type Row = [u8; WIDTH];
const BLANK: Row = [b' '; WIDTH];

/// Where the cursor is, as far as it matters, and what stands there.
#[derive(Debug)]
pub struct Margin {
    /// The first columns of the row with the cursor.
    here: Row,
    /// The column of the cursor is between these.
    low: usize,
    high: usize,
    /// The row was written from left to right so far.
    is_straight: bool,
    /// How many rows the cursor is above the last one below which all are empty, if that is known.
    above: Option<usize>,
    /// What is in that last one, if it was left upwards.
    lowest: Row,
    /// The last letters, if they stand behind each other.
    recent: [u8; RECENT],
    recent_len: usize,
    /// The number of the row, from the screen's top, if it is known, ...
    row: Option<usize>,
    /// ... and what is in the others, if anything is known.
    rows: [Row; ROWS],
    is_known: bool,
    /// All rows are empty, the one with the cursor as well.
    is_clear: bool,
    /// Scrolling is not of the whole screen.
    has_region: bool,
    saved: Option<Saved>,
    /// Columns and rows that Guests are told the terminal has.
    size: (usize, usize),
}

/// A place that was remembered.
#[derive(Clone, Copy, Debug)]
struct Saved {
    row: Option<usize>,
    low: usize,
    high: usize,
    here: Row,
    is_straight: bool,
    above: Option<usize>,
    /// Nothing was written since.
    is_fresh: bool,
}

impl Default for Margin {
    fn default() -> Self {
        Self {
            here: BLANK,
            low: 0,
            high: 0,
            is_straight: true,
            above: Some(0),
            lowest: [UNKNOWN; WIDTH],
            recent: [0; RECENT],
            recent_len: 0,
            row: None,
            rows: [[UNKNOWN; WIDTH]; ROWS],
            is_known: false,
            is_clear: false,
            has_region: false,
            saved: None,
            size: (COLUMNS, 25),
        }
    }
}

impl Margin {
    /// Where the cursor is, counted from 0: the row if it is known, and the first column it may be in.
    pub const fn cursor(&self) -> (Option<usize>, usize) {
        (self.row, self.low)
    }

    /// Guests are told that the terminal has so many columns and rows.
    pub fn set_size(&mut self, columns: usize, rows: usize) {
        self.size = (columns.max(1), rows.clamp(1, ROWS));
    }

    /// So many columns and rows.
    pub const fn size(&self) -> (usize, usize) {
        self.size
    }

    /// Writes letters of ASCII; `out` is given what is to be shown.
    pub fn text(&mut self, text: &[u8], out: &mut dyn FnMut(&[u8])) {
        let (mut done, mut place) = (0, 0);
        while let Some(&byte) = text.get(place) {
            let harmless = self.harmless(&text[place..]);
            if harmless > 0 {
                self.put_all(&text[place..place + harmless]);
                place += harmless;
                continue;
            }
            if self.would_complete(byte) {
                out(&text[done..place]);
                out(&[MARK]);
                self.put(MARK);
                done = place + 1;
            } else {
                self.put(byte);
            }
            place += 1;
        }
        out(&text[done..]);
    }

    /// How many letters need no look: in a row that is straight, or beyond the first columns, only a
    /// colon completes anything.
    fn harmless(&self, text: &[u8]) -> usize {
        let is_far = self.is_straight || self.low >= WIDTH;
        if !is_far || !self.is_lowest() && self.high.saturating_add(text.len()) > self.width() {
            return 0;
        }
        text.iter().position(|&byte| byte == b':').unwrap_or(text.len())
    }

    /// As [`put`](Self::put) for each letter, of a row that does not end before them.
    fn put_all(&mut self, text: &[u8]) {
        if self.low < WIDTH {
            self.touch_all(text);
        }
        (self.low, self.high) = (self.low + text.len(), self.high + text.len());
        let last = &text[text.len().saturating_sub(RECENT)..];
        let kept = (RECENT - last.len()).min(self.recent_len);
        if kept > 0 {
            self.recent.copy_within(self.recent_len - kept..self.recent_len, 0);
        }
        self.recent[kept..kept + last.len()].copy_from_slice(last);
        self.recent_len = kept + last.len();
    }

    /// The first of `text` become the cells from the cursor on, or they may be.
    fn touch_all(&mut self, text: &[u8]) {
        let near = text.len().min(WIDTH - self.low);
        if self.low == self.high {
            self.here[self.low..self.low + near].copy_from_slice(&text[..near]);
        } else {
            let end = WIDTH.min(self.high + near + 1);
            self.here[self.low..end].fill(UNKNOWN);
        }
        self.written();
    }

    /// Whether all rows below the one with the cursor are empty.
    pub fn is_lowest(&self) -> bool {
        self.above == Some(0)
    }

    /// Writes a letter beyond ASCII: two columns wide, or one, or none.
    pub fn letter(&mut self, letter: char) {
        self.touch(UNKNOWN);
        self.low += usize::from(has_width(letter));
        self.high += 2;
        self.wrap();
        self.recent_len = 0;
    }

    /// A row that is full goes on in the next; if that is not empty nothing is known any more.
    fn wrap(&mut self) {
        if self.high > self.width() && !self.is_lowest() {
            self.jump();
            (self.here, self.low, self.high) = ([UNKNOWN; WIDTH], 0, FAR);
            (self.row, self.is_known) = (None, false);
        }
    }

    fn put(&mut self, byte: u8) {
        if self.low < WIDTH {
            self.touch(byte);
        }
        (self.low, self.high) = (self.low + 1, self.high + 1);
        self.wrap();
        if self.recent_len == RECENT {
            self.recent.copy_within(RECENT / 2.., 0);
            self.recent_len = RECENT / 2;
        }
        self.recent[self.recent_len] = byte;
        self.recent_len += 1;
    }

    /// The cell with the cursor, or each that may be, becomes `byte`.
    fn touch(&mut self, byte: u8) {
        let exact = self.low == self.high && byte != UNKNOWN;
        let end = if exact { self.high + 1 } else { self.high + 2 };
        for cell in self.here.iter_mut().take(end).skip(self.low) {
            *cell = if exact { byte } else { UNKNOWN };
        }
        self.written();
    }

    /// Something was written into the first columns.
    fn written(&mut self) {
        self.is_clear = false;
        self.saved.iter_mut().for_each(|saved| saved.is_fresh = false);
    }

    fn would_complete(&self, byte: u8) -> bool {
        if byte == b':' && self.is_prefix_so_far() {
            return true;
        }
        if self.is_straight {
            return false;
        }
        let is_behind_a_name = self.low < WIDTH + NAME && self.high > WIDTH;
        if byte == b':' && is_behind_a_name && self.may_begin_with(BEGINNINGS[1], None) {
            return true;
        }
        let columns = self.low..=self.high.min(WIDTH - 1);
        columns.into_iter().any(|column| {
            BEGINNINGS
                .iter()
                .any(|begin| begin.get(column) == Some(&byte) && self.may_begin_with(begin, Some(column)))
        })
    }

    /// Whether the row may begin with `begin`, whatever stands in the column `but`.
    fn may_begin_with(&self, begin: &[u8], but: Option<usize>) -> bool {
        begin.iter().enumerate().all(|(column, &letter)| {
            but == Some(column) || self.here[column] == letter || self.here[column] == UNKNOWN
        })
    }

    /// Whether the last letters, with a colon behind them, would be the beginning of a line of the
    /// Host's, at the beginning of a row.
    fn is_prefix_so_far(&self) -> bool {
        let recent = &self.recent[..self.recent_len];
        let word = recent.iter().rposition(|&byte| byte == b' ').map_or(0, |blank| blank + 1);
        let is_name = word < recent.len() && recent[..word].ends_with(BEGINNINGS[1]);
        recent.ends_with(b"host") && self.may_have_begun(4)
            || is_name && self.may_have_begun(recent.len() - word + BEGINNINGS[1].len())
    }

    /// Whether a row may have begun with the last `len` letters.
    fn may_have_begun(&self, len: usize) -> bool {
        let (first, last) = (self.low.saturating_sub(len), self.high.saturating_sub(len));
        let has_begin = |columns: usize| last / columns * columns >= first;
        has_begin(COLUMNS) || has_begin(self.size.0)
    }

    /// Where a row may end.
    fn width(&self) -> usize {
        COLUMNS.min(self.size.0)
    }

    /// The cursor goes to another place in the row, or the row is not what it was.
    fn jump(&mut self) {
        if self.high >= self.width() - 1 {
            // It may have been wrapped: this is another row than the one it began in.
            self.here = [UNKNOWN; WIDTH];
            (self.low, self.row, self.is_known) = (0, None, false);
        }
        (self.recent_len, self.is_straight) = (0, false);
    }

    /// The cursor goes to a column, counted from 0.
    pub fn go_to_column(&mut self, column: usize) {
        self.jump();
        (self.low, self.high) = (column.min(self.width() - 1), column);
    }

    /// ... back to the row's beginning.
    pub fn carriage_return(&mut self) {
        let is_there = self.high == 0;
        if !is_there {
            self.go_to_column(0);
        }
    }

    /// ... to the right.
    pub fn right(&mut self, count: usize) {
        self.jump();
        (self.low, self.high) = ((self.low + count).min(self.width() - 1), self.high.saturating_add(count));
    }

    /// ... to the left.
    pub fn left(&mut self, count: usize) {
        self.jump();
        (self.low, self.high) = (self.low.saturating_sub(count), self.high.saturating_sub(count));
    }

    /// ... to the next tabulator.
    pub fn tab(&mut self) {
        self.recent_len = 0;
        let next = |column: usize| (column / 8 + 1) * 8;
        (self.low, self.high) = (next(self.low).min(self.width() - 1), next(self.high));
    }

    /// A new line begins. Returns whether the rest of the screen has to be erased, for it is not known
    /// where the cursor is now: at the end of a screen, or below what was thought to be one.
    #[must_use]
    pub fn new_line(&mut self) -> bool {
        self.leave();
        let next = self.row.map(|row| row + 1).filter(|&row| row < self.size.1 && !self.has_region);
        let was_last = self.row.is_some() && next.is_none() && !self.has_region;
        self.is_known &= next.is_some() || self.is_clear;
        let above = self.above;
        (self.low, self.high, self.recent_len) = (0, 0, 0);
        if above == Some(0) || was_last {
            (self.here, self.is_straight, self.row, self.above) = (BLANK, true, next, Some(0));
        } else {
            self.land(next);
            self.arrive(above.map(|above| above - 1));
        }
        was_last && above != Some(0)
    }

    /// Notes what is in the row with the cursor before that leaves it.
    fn leave(&mut self) {
        if self.high >= self.width() {
            (self.row, self.is_known) = (None, false);
        }
        match self.row {
            Some(row) => self.rows[row] = self.here,
            None => self.is_known &= self.is_clear,
        }
        if self.is_lowest() {
            self.lowest = if self.high < self.width() { self.here } else { [UNKNOWN; WIDTH] };
        }
    }

    /// The row is so many above the last one; that is still empty if it was.
    fn arrive(&mut self, above: Option<usize>) {
        self.above = above;
        if self.is_lowest() && self.row.is_none() && self.lowest == BLANK {
            (self.here, self.is_straight) = (BLANK, self.high == 0);
        }
    }

    fn land(&mut self, row: Option<usize>) {
        if row.is_some() && !self.is_known {
            self.rows = [[UNKNOWN; WIDTH]; ROWS];
            self.is_known = true;
        }
        self.row = row;
        self.here = row.map_or([UNKNOWN; WIDTH], |row| self.rows[row]);
        (self.above, self.is_straight, self.recent_len) = (None, false, 0);
    }

    /// From the row it is in to another one, if both are known.
    fn move_to(&mut self, row: Option<usize>) {
        self.leave();
        let last = self.row.zip(self.above).map(|(row, above)| row + above);
        let row = row.filter(|&row| row < self.size.1);
        self.land(row);
        if let (Some(row), Some(last)) = (row, last) {
            self.above = Some(last.saturating_sub(row));
            if row > last {
                self.here = BLANK;
            }
        }
    }

    /// The cursor goes to a row, counted from the top.
    pub fn go_to_row(&mut self, row: usize) {
        self.move_to(Some(row));
    }

    /// ... up.
    pub fn up(&mut self, count: usize) {
        let above = self.above;
        self.move_to(self.row.map(|row| row.saturating_sub(count)));
        if self.row.is_none() {
            self.arrive(above.map(|above| above.saturating_add(count)));
        }
    }

    /// ... down, not beyond the last row.
    pub fn down(&mut self, count: usize) {
        let above = self.above;
        self.move_to(self.row.map(|row| row.saturating_add(count)));
        if self.row.is_none() {
            self.arrive(above.and_then(|above| above.checked_sub(count)));
        }
    }

    /// Rows are moved about, or it is another screen.
    pub fn forget_rows(&mut self) {
        (self.is_known, self.is_clear, self.saved) = (false, false, None);
        self.land(None);
    }

    /// All from the row with the cursor on was erased, and the cursor is at its beginning.
    pub fn begin_anew(&mut self) {
        let size = self.size;
        *self = Self { size, ..Self::default() };
    }

    /// Scrolling is limited to some rows, or not any more; the cursor goes home.
    pub fn set_region(&mut self, is_set: bool) {
        self.go_to_row(0);
        self.go_to_column(0);
        self.has_region = is_set;
    }

    /// The cursor's place is remembered.
    pub fn save(&mut self) {
        let Self { row, low, high, here, is_straight, above, .. } = *self;
        self.saved = Some(Saved { row, low, high, here, is_straight, above, is_fresh: true });
    }

    /// The cursor goes back to the place that was remembered.
    pub fn restore(&mut self) {
        self.leave();
        let Some(saved) = self.saved else {
            self.land(None);
            (self.low, self.high) = (0, FAR);
            return;
        };
        self.land(saved.row);
        (self.low, self.high) = (saved.low, saved.high);
        if saved.is_fresh {
            (self.here, self.is_straight, self.above) = (saved.here, saved.is_straight, saved.above);
        }
    }

    /// Erases the row from the cursor on.
    pub fn erase_right(&mut self) {
        let (low, high) = (self.low, self.high);
        for (column, cell) in self.here.iter_mut().enumerate().skip(low) {
            *cell = if column >= high { b' ' } else { UNKNOWN };
        }
        self.is_straight |= high == 0;
    }

    /// Erases it up to the cursor.
    pub fn erase_left(&mut self) {
        self.is_straight = false;
        self.here.iter_mut().take(self.low + 1).for_each(|cell| *cell = b' ');
        self.here.iter_mut().take(self.high + 1).skip(self.low + 1).for_each(|cell| *cell = UNKNOWN);
    }

    /// Erases the whole row.
    pub fn erase_row(&mut self) {
        self.here = BLANK;
        self.is_straight |= self.high == 0;
    }

    /// Erases all rows below.
    pub fn erase_below(&mut self) {
        self.erase_right();
        if let Some(row) = self.row {
            self.rows[row + 1..].fill(BLANK);
        }
        self.above = Some(0).filter(|_| !self.has_region);
    }

    /// Erases all rows above.
    pub fn erase_above(&mut self) {
        self.erase_left();
        if let Some(row) = self.row {
            self.rows[..row].fill(BLANK);
        }
    }

    /// Erases all.
    pub fn erase_all(&mut self) {
        self.erase_row();
        self.rows.fill(BLANK);
        (self.is_known, self.is_clear) = (true, true);
        self.above = Some(0).filter(|_| !self.has_region);
    }

    /// Whether `count` letters from the cursor on may be erased, or moved to the left or the right,
    /// without making a beginning of the Host's of what stands behind them.
    pub fn may_erase(&self, count: usize) -> bool {
        let reaches = self.low < WIDTH && self.high.saturating_add(count) >= WIDTH;
        !reaches || !self.may_begin_with(&BEGINNINGS[1][..WIDTH - 1], None)
    }

    /// Erases `count` letters.
    pub fn erase(&mut self, count: usize) {
        let (low, high) = (self.low, self.high);
        let is_exact = low == high;
        let end = high.saturating_add(count);
        for cell in self.here.iter_mut().take(end).skip(low) {
            *cell = if is_exact { b' ' } else { UNKNOWN };
        }
        self.is_straight = false;
    }

    /// Whether the cursor may be in the columns that matter.
    pub const fn is_near(&self) -> bool {
        self.low < WIDTH
    }

    /// The Host has written, whole lines or an unfinished one; the cursor is at the end of all.
    pub fn host_wrote(&mut self, is_whole: bool) {
        self.begin_anew();
        if !is_whole {
            (self.here, self.high, self.is_straight) = ([UNKNOWN; WIDTH], FAR, false);
        }
    }
}

/// Whether a letter surely takes room on the screen; marks that stand above others do not.
const fn has_width(letter: char) -> bool {
    matches!(letter,
        '\u{A1}'..='\u{2FF}' | '\u{370}'..='\u{482}' | '\u{48A}'..='\u{58F}' | '\u{2010}'..='\u{2027}'
        | '\u{2030}'..='\u{205E}' | '\u{20A0}'..='\u{20CF}' | '\u{2100}'..='\u{2BFF}'
        | '\u{3000}'..='\u{3029}' | '\u{3030}'..='\u{3098}' | '\u{309B}'..='\u{3163}'
        | '\u{3200}'..='\u{D7A3}' | '\u{FF01}'..='\u{FF60}')
}
