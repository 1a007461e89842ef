//! What waits for a serial line that does not take it yet.
//!
//! ```text
//!  lines of the Host --\                       notice, if something was lost
//!                       |--> | waiting ... | ----------> the chip, when it can
//!  text of Guests -----/     bounded
//! ```
//!
//! Nobody waits for the line: what the chip does not take at once is put here
//! and offered again later. Whoever can wait, a Guest, asks first whether
//! there is [`room`](Transmit::room). When nobody has read the line for
//! [`PATIENCE`] it is given up: nobody waits for it any more, the newest bytes
//! are kept, and how many of the older ones are lost is said in their place as
//! soon as the line goes on.
//!
//! Invariants:
//! - Bytes come out in the order they went in (`a_slow_line_gets_every_byte_in_order`).
//! - What is lost is counted and said, and what follows begins with a whole line
//!   (`what_does_not_fit_is_counted_and_said_where_it_is_missing`).
//! - A line is given up by time, and goes on by itself
//!   (`a_line_that_takes_nothing_is_given_up_by_time`).
//!
//! Next on the tour: [`super::multiplexer`].

use core::fmt::{self, Write};

use abi::Nanos;

use super::bytes::ByteRing;

/// How long a line may take nothing before nobody waits for it.
pub const PATIENCE: Nanos = Nanos::from_millis(10_000);
/// Bytes of the longest notice.
const NOTICE: usize = 96;

/// Bytes that wait, at most `N`.
#[derive(Debug)]
pub struct Transmit<const N: usize> {
    waiting: ByteRing<N>,
    /// What is said before the next byte that waits.
    notice: ByteRing<NOTICE>,
    /// Bytes that were thrown away and not yet told of.
    lost: u64,
    /// Since when the line has taken nothing, if something waits.
    since: Nanos,
    is_given_up: bool,
}

impl<const N: usize> Transmit<N> {
    /// Nothing waits.
    pub const fn new() -> Self {
        Self {
            waiting: ByteRing::new(),
            notice: ByteRing::new(),
            lost: 0,
            since: Nanos(0),
            is_given_up: false,
        }
    }

    /// Whether nothing waits.
    pub const fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.notice.is_empty()
    }

    /// How many bytes wait.
    pub const fn len(&self) -> usize {
        N - self.waiting.room() + (NOTICE - self.notice.room())
    }

    /// How many more bytes may be added by who wants no more than `share` to wait; a line that was
    /// given up is no reason to wait.
    pub const fn room(&self, share: usize) -> usize {
        if self.is_given_up { usize::MAX } else { share.saturating_sub(self.len()) }
    }

    /// Adds bytes at the end, at the time `now`. If there is no room the oldest lines make some.
    pub fn push(&mut self, bytes: &[u8], now: Nanos) {
        if self.is_empty() {
            self.since = now;
        }
        self.look(now);
        for &byte in bytes {
            if self.waiting.is_full() {
                self.drop_line();
            }
            self.waiting.push(byte);
        }
    }

    /// Throws away the oldest bytes, up to a line's end.
    fn drop_line(&mut self) {
        while let Some(byte) = self.waiting.pop() {
            self.lost += 1;
            if byte == b'\n' {
                break;
            }
        }
    }

    /// Offers `take` what waits, until it takes nothing or all is gone.
    pub fn drain(&mut self, now: Nanos, mut take: impl FnMut(&[u8]) -> usize) {
        self.look(now);
        loop {
            if self.notice.is_empty() && self.lost > 0 {
                self.write_notice();
            }
            let is_notice = !self.notice.is_empty();
            let bytes = if is_notice { self.notice.first_run() } else { self.waiting.first_run() };
            let taken = if bytes.is_empty() { 0 } else { take(bytes) };
            if taken == 0 {
                return;
            }
            match is_notice {
                true => self.notice.skip(taken),
                false => self.waiting.skip(taken),
            }
            (self.since, self.is_given_up) = (now, false);
        }
    }

    /// Gives the line up, if it is time.
    fn look(&mut self, now: Nanos) {
        self.is_given_up |= !self.is_empty() && self.since.until(now) >= PATIENCE;
    }

    /// Says how many bytes are missing. It stands on a line of its own whatever was sent before:
    /// the first byte ends a sequence that was under way, and the attributes are reset.
    fn write_notice(&mut self) {
        let lost = core::mem::take(&mut self.lost);
        // There is room: the notice is empty, and shorter than its ring.
        let _ = write!(self, "\x18\x1b[0m\r\nhost: {lost} bytes lost: the serial line did not take them\r\n");
    }
}

impl<const N: usize> Write for Transmit<N> {
    /// Adds to the notice.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().all(|byte| self.notice.push(byte)).then_some(()).ok_or(fmt::Error)
    }
}

impl<const N: usize> Default for Transmit<N> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// Takes `at_once` bytes, once.
    fn taken<const N: usize>(line: &mut Transmit<N>, now: Nanos, at_once: usize) -> String {
        let (mut all, mut left) = (Vec::new(), at_once);
        line.drain(now, |bytes| {
            let len = bytes.len().min(left);
            left -= len;
            all.extend_from_slice(&bytes[..len]);
            len
        });
        String::from_utf8(all).unwrap()
    }

    #[test]
    fn a_slow_line_gets_every_byte_in_order() {
        let mut line = Transmit::<256>::new();
        let (mut said, mut heard) = (String::new(), String::new());
        for number in 0..500 {
            let text = format!("line {number}\n");
            line.push(text.as_bytes(), Nanos(number));
            said += &text;
            while line.room(200) < 20 {
                heard += &taken(&mut line, Nanos(number), 16);
            }
        }
        heard += &taken(&mut line, Nanos(501), usize::MAX);
        assert_eq!(heard, said);
        assert!(line.is_empty());
    }

    #[test]
    fn what_does_not_fit_is_counted_and_said_where_it_is_missing() {
        let mut line = Transmit::<64>::new();
        (0..20).for_each(|number| line.push(format!("line {number:>3}\n").as_bytes(), Nanos(0)));
        let heard = taken(&mut line, Nanos(0), usize::MAX);
        let rest: String = (13..20).map(|number| format!("line {number:>3}\n")).collect();
        let notice = "\x18\x1b[0m\r\nhost: 117 bytes lost: the serial line did not take them\r\n";
        assert_eq!(heard, notice.to_owned() + &rest);
    }

    #[test]
    fn a_notice_that_is_taken_in_pieces_is_whole() {
        let mut line = Transmit::<8>::new();
        line.push(b"one\ntwo\nthree\n", Nanos(0));
        let mut heard = String::new();
        while !line.is_empty() {
            heard += &taken(&mut line, Nanos(0), 3);
        }
        assert!(
            heard.ends_with("host: 8 bytes lost: the serial line did not take them\r\nthree\n"),
            "{heard}"
        );
    }

    #[test]
    fn a_line_that_takes_nothing_is_given_up_by_time() {
        let mut line = Transmit::<64>::new();
        line.push(b"who is there?\n", Nanos(SECOND));
        assert_eq!(taken(&mut line, Nanos(10 * SECOND), 0), "");
        assert_eq!(line.room(20), 6);
        taken(&mut line, Nanos(11 * SECOND), 0);
        assert_eq!(line.room(20), usize::MAX);
        assert_eq!(taken(&mut line, Nanos(99 * SECOND), 4), "who ");
        assert_eq!(line.room(20), 10, "it goes on");
    }

    #[test]
    fn a_line_nobody_had_anything_for_is_not_given_up() {
        let mut line = Transmit::<64>::new();
        line.push(b"late\n", Nanos(1000 * SECOND));
        taken(&mut line, Nanos(1005 * SECOND), 0);
        assert_eq!(line.room(20), 15);
    }
}
