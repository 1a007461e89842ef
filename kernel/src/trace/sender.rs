//! All Guests' feeds, and the line they go out on.
//!
//! ```text
//!   Feed of a --\
//!   Feed of b ---+--> frames, one Guest after the other --> as much as the line takes
//!   clock, names-'    each second, for who comes late
//! ```
//!
//! Invariants:
//! - A turn is bounded, and what the line does not take is kept, to the byte
//!   (`a_slow_line_gets_the_same_bytes`).
//!
//! Next on the tour: [`crate::inspect::usage`].

use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;

use abi::Nanos;

use super::feed::{Feed, SharedFeed};
use super::frame::{FRAME_MAX, Frame};
use crate::trace::event::Kinds;

/// Most frames a turn makes.
const FRAMES_PER_TURN: usize = 16;
/// How long who comes late waits for clock and names.
const INTRODUCTION: Nanos = Nanos::from_millis(1000);

/// A watched Guest.
struct Watched {
    name: String,
    feed: SharedFeed,
}

/// What is sent, and to whom attention is paid next.
pub struct Sender {
    kinds: Kinds,
    /// Events there is room for in each feed.
    room: usize,
    watched: Vec<Watched>,
    /// The frame that is on its way, how long it is, and how much of it the line has taken.
    frame: [u8; FRAME_MAX],
    len: usize,
    sent: usize,
    /// The next one to be introduced: the clock, then each Guest; nobody beyond them.
    introduced: usize,
    introduce_at: Nanos,
    /// The Guest whose turn it is.
    next: usize,
}

impl Sender {
    /// A sender of events of these kinds, with room for `room` of each Guest's.
    pub fn new(kinds: Kinds, room: usize) -> Self {
        Self {
            kinds,
            room,
            watched: Vec::new(),
            // A zero ends whatever was on the line before.
            frame: [0; FRAME_MAX],
            len: 1,
            sent: 0,
            introduced: 0,
            introduce_at: Nanos(0),
            next: 0,
        }
    }

    /// Events there is room for in each Guest's feed.
    pub const fn room(&self) -> usize {
        self.room
    }

    /// A feed for one more Guest.
    pub fn watch(&mut self, name: &str) -> SharedFeed {
        let feed = Rc::new(RefCell::new(Feed::new(self.kinds, self.room)));
        self.watched.push(Watched { name: name.into(), feed: feed.clone() });
        feed
    }

    /// Sends what there is, as far as `send` takes it and a turn goes; says whether there may be more.
    /// What time it is, `clock` tells when it is wanted.
    pub fn turn(
        &mut self,
        now: Nanos,
        clock: impl Fn() -> Frame,
        mut send: impl FnMut(&[u8]) -> usize,
    ) -> bool {
        for _ in 0..FRAMES_PER_TURN {
            self.sent += send(&self.frame[self.sent..self.len]);
            if self.sent < self.len {
                return true;
            }
            let Some(frame) = self.next_frame(now, &clock) else { return false };
            (self.len, self.sent) = (frame.encode(&mut self.frame).len(), 0);
        }
        true
    }

    fn next_frame(&mut self, now: Nanos, clock: impl Fn() -> Frame) -> Option<Frame> {
        if self.introduced > self.watched.len() && now >= self.introduce_at {
            self.introduced = 0;
        }
        if self.introduced <= self.watched.len() {
            let number = self.introduced;
            self.introduced += 1;
            self.introduce_at = now.after(INTRODUCTION);
            return Some(match number.checked_sub(1) {
                None => clock(),
                Some(guest) => Frame::Guest { number: guest as u8, name: self.watched[guest].name.clone() },
            });
        }
        let count = self.watched.len();
        let found = (0..count).map(|step| (self.next + step) % count).find_map(|guest| {
            let frame = self.watched[guest].feed.borrow_mut().frame(guest as u8)?;
            Some((guest, frame))
        });
        let (guest, frame) = found?;
        self.next = (guest + 1) % count;
        Some(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::Noted;
    use super::super::frame::{BATCH, Decoder, VERSION};
    use super::*;
    use crate::trace::event::Event;

    fn clock() -> Frame {
        Frame::Clock { version: VERSION, khz: 1, tsc: 2, nanos: 3, epoch: 4 }
    }

    fn sender() -> (Sender, SharedFeed, SharedFeed) {
        let mut sender = Sender::new(Kinds::ALL, 100);
        let (a, b) = (sender.watch("a"), sender.watch("b"));
        for tsc in 0..40 {
            a.borrow_mut().push(Noted { tsc, event: Event::Raise { line: 1 } });
        }
        b.borrow_mut().push(Noted { tsc: 7, event: Event::Slice { high: 0 } });
        (sender, a, b)
    }

    /// What comes over a line that takes `at_once` bytes at a time.
    fn sent(sender: &mut Sender, now: Nanos, at_once: usize) -> Vec<u8> {
        let mut line = Vec::new();
        while sender.turn(now, clock, |bytes| {
            let taken = bytes.len().min(at_once);
            line.extend(&bytes[..taken]);
            taken
        }) {}
        line
    }

    fn decoded(line: &[u8]) -> Vec<Frame> {
        let mut decoder = Decoder::default();
        line.iter().filter_map(|&byte| decoder.push(byte)).collect()
    }

    #[test]
    fn guests_take_turns_after_they_are_introduced() {
        let (mut sender, ..) = sender();
        let told = decoded(&sent(&mut sender, Nanos(0), usize::MAX));
        let names = [(0, "a"), (1, "b")].map(|(number, name)| Frame::Guest { number, name: name.into() });
        assert_eq!((&told[0], &told[1..3]), (&clock(), &names[..]));
        let of = |frame: &Frame| match frame {
            Frame::Events { guest, events, .. } => (*guest, events.len()),
            other => panic!("{other:?}"),
        };
        assert_eq!(told[3..].iter().map(of).collect::<Vec<_>>(), [(0, BATCH), (1, 1), (0, BATCH), (0, 8)]);
        assert!(sent(&mut sender, Nanos(5), usize::MAX).is_empty(), "nothing new");
        let again = decoded(&sent(&mut sender, INTRODUCTION, usize::MAX));
        assert_eq!(again[..], told[..3], "who comes late is told who is who");
    }

    #[test]
    fn a_slow_line_gets_the_same_bytes() {
        let fast = sent(&mut sender().0, Nanos(0), usize::MAX);
        assert_eq!(sent(&mut sender().0, Nanos(0), 3), fast);
    }

    #[test]
    fn a_line_that_takes_nothing_is_not_waited_for() {
        let (mut sender, ..) = sender();
        assert!(sender.turn(Nanos(0), clock, |_| 0));
        assert_eq!(decoded(&sent(&mut sender, Nanos(0), 1)).len(), 7);
    }
}
