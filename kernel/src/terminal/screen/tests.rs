//! Bytes shown, and what stands there then.

use super::*;

struct Fake([u16; CELLS]);

impl TextMemory for Fake {
    fn put(&mut self, cell: usize, value: u16) {
        self.0[cell] = value;
    }

    fn get(&self, cell: usize) -> u16 {
        self.0[cell]
    }

    fn scroll(&mut self) {
        self.0.copy_within(COLUMNS.., 0);
    }
}

fn screen_after(bytes: impl IntoIterator<Item = u8>) -> Screen<Fake> {
    let mut screen = Screen::new(Fake([BLANK; CELLS]));
    bytes.into_iter().for_each(|byte| screen.put(byte));
    screen
}

fn row(screen: &Screen<Fake>, row: usize) -> String {
    let cells = &screen.memory.0[row * COLUMNS..][..COLUMNS];
    let text: String = cells.iter().map(|&cell| char::from(cell as u8)).collect();
    text.trim_end().into()
}

/// The first row after `bytes`.
fn line(bytes: &[u8]) -> String {
    row(&screen_after(bytes.iter().copied()), 0)
}

#[test]
fn the_screen_scrolls_when_it_is_full() {
    let screen = screen_after((0..30).flat_map(|line| format!("line {line}\r\n").into_bytes()));
    let rows = [0, 23, 24].map(|number| row(&screen, number));
    assert_eq!(rows, ["line 6", "line 29", ""]);
}

#[test]
fn a_full_line_wraps_only_when_more_comes() {
    let screen = screen_after([b'x'; COLUMNS].into_iter().chain(*b"\r\nnext"));
    assert_eq!((row(&screen, 0).len(), row(&screen, 1).as_str()), (COLUMNS, "next"));
    let screen = screen_after([b'x'; COLUMNS + 1]);
    assert_eq!((row(&screen, 0).len(), row(&screen, 1).as_str()), (COLUMNS, "x"));
}

#[test]
fn a_letter_is_rubbed_out_as_a_shell_does_it() {
    assert_eq!(line(b"> ab\x08 \x08"), "> a");
    assert_eq!(line(b"ab\x08\x08\x08xy"), "xy");
    let full = [[b'x'; COLUMNS].as_slice(), b"\x08y"].concat();
    assert!(line(&full).ends_with("xyx"), "the cursor stands on the last column");
}

#[test]
fn a_line_is_edited_as_a_shell_does_it() {
    assert_eq!(line(b"hello\x1b[3D\x1b[K"), "he");
    assert_eq!(line(b"helo\x08\x1b[1@l"), "hello");
    assert_eq!(line(b"hellllo\x1b[4D\x1b[2P"), "hello");
    assert_eq!(line(b"prompt\r\x1b[3Cx"), "proxpt");
    assert_eq!(line(b"old text\r\x1b[Jnew"), "new");
    assert_eq!(line(b"abcdef\x1b[2G\x1b[2Xz"), "az def");
}

#[test]
fn the_cursor_goes_where_it_is_told_and_no_further() {
    let screen = screen_after(*b"\x1b[3;5Hx\x1b[999;999Hy\x1b[1;1H\x1b[9A\x1b[9Dz\x1b[2d\x1b[7Gw");
    assert_eq!(row(&screen, 0), "z");
    assert_eq!(row(&screen, 1), "      w");
    assert_eq!(row(&screen, 2), "    x");
    assert_eq!(row(&screen, ROWS - 1).len(), COLUMNS);
}

#[test]
fn the_screen_is_cleared_and_the_cursor_comes_home() {
    let screen = screen_after(*b"some\r\ntext\x1b[H\x1b[2Jnew");
    assert_eq!((row(&screen, 0).as_str(), row(&screen, 1).as_str()), ("new", ""));
}

#[test]
fn rows_are_put_in_and_taken_out() {
    let screen = screen_after(*b"1\r\n2\r\n3\x1b[2;1H\x1b[La\x1b[3;1H\x1b[Mb");
    assert_eq!([0, 1, 2, 3].map(|number| row(&screen, number)), ["1", "a", "b", ""]);
    let screen = screen_after(*b"1\r\n2\x1b[1;1H\x1bM0");
    assert_eq!([0, 1, 2].map(|number| row(&screen, number)), ["0", "1", "2"]);
}

#[test]
fn colours_are_the_vgas() {
    let colours = |bytes: &[u8]| screen_after(bytes.iter().copied()).memory.0[0] >> 8;
    assert_eq!(colours(b"x"), 0x07);
    assert_eq!(colours(b"\x1b[1;31mx"), 0x0C);
    assert_eq!(colours(b"\x1b[34;47mx"), 0x71);
    assert_eq!(colours(b"\x1b[7mx"), 0x70);
    assert_eq!(colours(b"\x1b[7;1;32m\x1b[0mx"), 0x07);
}

#[test]
fn sequences_nobody_knows_leave_no_trace() {
    assert_eq!(line(b"a\x1b[1;31mb\x1b[?2004hc\x1b=d\x07\x7fe\x1b]0;title\x07f"), "abcdef");
}

#[test]
fn bytes_that_come_together_are_shown_like_single_ones() {
    let bytes = b"one\r\n\x1b[7mtwo\x1b[0m\xe9\x7f!\x1b[2;79Hwrapped\x1b[25;70Hlong enough to scroll";
    let single = screen_after(bytes.iter().copied());
    for cut in 0..bytes.len() {
        let mut screen = screen_after([]);
        screen.write(&bytes[..cut]);
        screen.write(&bytes[cut..]);
        assert!(screen.memory.0 == single.memory.0 && screen.cursor() == single.cursor(), "cut at {cut}");
    }
}

#[test]
fn any_bytes_stay_on_the_screen() {
    let mut seed = 7_u32;
    let mut random = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    };
    let mut screen = screen_after([]);
    // Miri is a thousand times slower, and looks for something else.
    for _ in 0..if cfg!(miri) { 100 } else { 50_000 } {
        let ends = b"ABCDEFGHJKLMPXdfmsu@`78c";
        let number = u16::from(random()) * u16::from(random()) % 300;
        let sequence = format!("\x1b[{number};{}", random());
        sequence.bytes().for_each(|byte| screen.put(byte));
        screen.put(ends[usize::from(random()) % ends.len()]);
        (0..random() % 100).for_each(|_| screen.put(random()));
        screen.write(&[random(); 99][..usize::from(random() % 100)]);
        assert!(screen.cursor() < CELLS);
    }
}
