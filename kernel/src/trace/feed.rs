//! A trace that somebody listens to.
//!
//! The ring keeps the last few events; who wants all of them needs a queue
//! between a Guest that is fast and a line that is slow. It never waits: when
//! it is full, what comes is lost, and how much that was is told in its place.
//!
//! ```text
//!   ring --before each entry--> Feed --turn by turn--> frames
//!                                |
//!                                '-- kinds nobody asked for, and what there is no room for
//! ```
//!
//! Invariants:
//! - What is told, and what is told to be lost, is all there was (`nothing_is_lost_in_silence`).
//!
//! Next on the tour: [`super::frame`].

use alloc::collections::VecDeque;
use alloc::rc::Rc;
use core::cell::RefCell;

use arrayvec::ArrayVec;

use super::event::{Kinds, Noted};
use super::frame::Frame;
use crate::cpu::tsc::elapsed;

/// A feed that a Guest's trace fills and a line empties.
pub type SharedFeed = Rc<RefCell<Feed>>;

/// Events that wait to be told.
pub struct Feed {
    kinds: Kinds,
    queue: VecDeque<Noted>,
    room: usize,
    /// How many there was no room for, since what waits.
    lost: u32,
}

impl Feed {
    /// An empty one for events of these kinds, `room` of them at a time.
    pub fn new(kinds: Kinds, room: usize) -> Self {
        Self { kinds, queue: VecDeque::with_capacity(room), room, lost: 0 }
    }

    /// Bytes of the heap that `room` events want.
    pub const fn bookkeeping(room: usize) -> usize {
        size_of::<Self>() + room * size_of::<Noted>()
    }

    /// Takes an event, if it is wanted. After a loss there is room again when that has been told.
    pub fn push(&mut self, noted: Noted) {
        if !self.kinds.has(noted.event.kind()) {
            return;
        }
        if self.lost > 0 || self.queue.len() == self.room {
            self.lost = self.lost.saturating_add(1);
        } else {
            self.queue.push_back(noted);
        }
    }

    /// What is to be told next, as a frame about Guest number `guest`; `None` if there is nothing.
    pub fn frame(&mut self, guest: u8) -> Option<Frame> {
        let Some(&Noted { tsc, .. }) = self.queue.front() else {
            let count = core::mem::take(&mut self.lost);
            return (count > 0).then_some(Frame::Lost { guest, count });
        };
        let mut events = ArrayVec::new();
        let mut before = tsc;
        while let Some(Noted { tsc, event }) = self.queue.pop_front_if(|_| !events.is_full()) {
            let Ok(ticks) = u32::try_from(elapsed(before, tsc)) else {
                // The next frame has a time of its own.
                self.queue.push_front(Noted { tsc, event });
                break;
            };
            events.push((ticks, event));
            before = tsc;
        }
        Some(Frame::Events { guest, tsc, events })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::event::Event;

    fn noted(tsc: u64) -> Noted {
        Noted { tsc, event: Event::Raise { line: 1 } }
    }

    /// What is told until there is nothing: the times, and how many were lost.
    fn told(feed: &mut Feed) -> (Vec<u64>, u32) {
        let (mut times, mut lost) = (Vec::new(), 0);
        while let Some(frame) = feed.frame(3) {
            match frame {
                Frame::Events { guest: 3, mut tsc, events } => {
                    times.extend(events.iter().map(|(ticks, _)| {
                        tsc += u64::from(*ticks);
                        tsc
                    }))
                }
                Frame::Lost { guest: 3, count } => lost += count,
                other => panic!("{other:?}"),
            }
        }
        (times, lost)
    }

    #[test]
    fn nothing_is_lost_in_silence() {
        let mut feed = Feed::new(Kinds::ALL, 40);
        (0..100).for_each(|tsc| feed.push(noted(tsc)));
        assert_eq!(told(&mut feed), ((0..40).collect(), 60));
        feed.push(noted(200));
        assert_eq!(told(&mut feed), (vec![200], 0));
    }

    #[test]
    fn after_a_long_sleep_a_frame_begins() {
        let mut feed = Feed::new(Kinds::ALL, 8);
        [5, 6, 7 << 32, (7 << 32) + 1].into_iter().for_each(|tsc| feed.push(noted(tsc)));
        assert_eq!(told(&mut feed), (vec![5, 6, 7 << 32, (7 << 32) + 1], 0));
    }

    #[test]
    fn what_nobody_asked_for_is_neither_told_nor_lost() {
        let mut feed = Feed::new(Kinds::admit("exit").unwrap(), 2);
        (0..9).for_each(|tsc| feed.push(noted(tsc)));
        assert_eq!(feed.frame(3), None);
    }
}
