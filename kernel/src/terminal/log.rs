//! The Host's own last lines, for who comes late.
//!
//! Invariants: what is kept begins with a whole line
//! (`the_oldest_lines_make_room_for_the_newest`).
//!
//! Next on the tour: [`super::plain`].

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// The last `N` bytes of text, as lines.
#[derive(Debug)]
pub struct Log<const N: usize> {
    bytes: [u8; N],
    /// Where the next byte goes.
    next: usize,
    /// It has come round.
    is_full: bool,
}

impl<const N: usize> Log<N> {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self { bytes: [0; N], next: 0, is_full: false }
    }

    /// The whole lines that are kept, oldest first.
    pub fn lines(&self) -> Vec<String> {
        let (newer, older) = self.bytes.split_at(self.next);
        let older = if self.is_full { older } else { &[] };
        let text = String::from_utf8_lossy(&[older, newer].concat()).into_owned();
        // What has come round begins in the middle of a line.
        text.lines().skip(usize::from(self.is_full)).map(String::from).collect()
    }
}

impl<const N: usize> Default for Log<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> fmt::Write for Log<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.bytes[self.next] = byte;
            self.next = (self.next + 1) % N;
            self.is_full |= self.next == 0;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::fmt::Write;

    #[test]
    fn lines_come_out_as_they_went_in() {
        let mut log = Log::<64>::new();
        assert!(log.lines().is_empty());
        writeln!(log, "host: {}", 1).unwrap();
        writeln!(log, "host: 2").unwrap();
        assert_eq!(log.lines(), ["host: 1", "host: 2"]);
    }

    #[test]
    fn the_oldest_lines_make_room_for_the_newest() {
        let mut log = Log::<32>::new();
        (0..100).for_each(|n| writeln!(log, "line {n}").unwrap());
        assert_eq!(log.lines(), ["line 97", "line 98", "line 99"]);
    }
}
