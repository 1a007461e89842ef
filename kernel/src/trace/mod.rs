//! The trace: what a Guest did last, and when.
//!
//! Each Guest has a small ring of [`Event`]s that is always on. It costs a
//! few stores an exit and answers the question every post-mortem begins with.
//!
//! A time is the low half of the TSC, looked up once an exit; what follows from
//! an event has its time. The low half comes round every second or two, so
//! whoever reads the ring goes back from now, or from the nearest begin or end
//! of a slice, which know the high half as well. Between those two, some
//! interrupt of the Host's comes more often than that.
//!
//! ```text
//!   Slice(high) 1.9   Exit 1.95 -> Inject   Exit 0.02   now, 64 bits
//!               <---------- each less than a round ---------'
//! ```
//!
//! Invariants:
//! - No index comes from a Guest (`the_ring_keeps_the_last_ones_in_order`).
//! - However long a Guest slept, times are right (`sleep_does_not_confuse_the_times`).
//!
//! Next on the tour: [`feed`].

pub mod event;
pub mod feed;
pub mod frame;
pub mod sender;

use self::event::{Event, Noted};
use self::feed::SharedFeed;

/// How many events a Guest's trace keeps.
pub const TRACE_LEN: usize = 64;

/// A place in the ring.
#[derive(Clone, Copy)]
struct Slot {
    event: Option<Event>,
    /// The low half of the TSC; of no meaning where [`Event::follows`].
    tsc: u32,
}

const _: () = assert!(size_of::<Slot>() == 20, "an event is four stores, its time one more");

/// The last [`TRACE_LEN`] events of one Guest.
pub struct Trace {
    ring: [Slot; TRACE_LEN],
    /// Where the next one goes, but for multiples of the ring's length.
    next: usize,
    /// The time of what is noted.
    now: u32,
    /// Who is told everything, ...
    feed: Option<SharedFeed>,
    /// ... and from where in the ring on.
    fed: usize,
}

impl Default for Trace {
    fn default() -> Self {
        Self { ring: [Slot { event: None, tsc: 0 }; TRACE_LEN], next: 0, now: 0, feed: None, fed: 0 }
    }
}

impl Trace {
    /// From now on it is `tsc`, by the low half of the TSC.
    #[inline]
    pub fn time(&mut self, tsc: u32) {
        self.now = tsc;
    }

    /// Notes that an event happens now, or right after the one before, forgetting the oldest.
    #[inline]
    pub fn note(&mut self, event: Event) {
        let place = self.next % TRACE_LEN;
        let slot = &mut self.ring[place];
        slot.event = Some(event);
        if !event.follows() {
            slot.tsc = self.now;
        }
        self.next = place + 1;
    }

    /// Notes that an event happens as the TSC stands at `tsc`.
    pub fn note_at(&mut self, tsc: u64, event: Event) {
        self.time(tsc as u32);
        self.note(event);
    }

    /// From now on `feed` is told what happens, whenever [`Trace::feed`] is called: before the ring
    /// has come round, that is before each entry. What was before that it is told now, if the
    /// ring has not come round yet; the TSC stands at `now`.
    pub fn watch(&mut self, feed: SharedFeed, now: u64) {
        let next = self.next % TRACE_LEN;
        let is_all_there = self.ring[next].event.is_none();
        (self.feed, self.fed) = (Some(feed), if is_all_there { 0 } else { next });
        self.feed(now);
    }

    /// Tells who listens, if anybody does, what has happened; the TSC stands at `now`.
    pub fn feed(&mut self, now: u64) {
        let Some(feed) = &self.feed else { return };
        let mut feed = feed.borrow_mut();
        let mut tsc = now;
        while self.fed != self.next % TRACE_LEN {
            let slot = self.ring[self.fed];
            self.fed = (self.fed + 1) % TRACE_LEN;
            let Some(event) = slot.event else { continue };
            if !event.follows() {
                tsc = unfold(slot.tsc, event, now);
            }
            feed.push(Noted { tsc, event });
        }
    }

    /// Tells who listens what has happened, and that the Guest is now entered at `eip`.
    pub fn feed_entry(&mut self, now: u64, eip: u32) {
        self.feed(now);
        if let Some(feed) = &self.feed {
            feed.borrow_mut().push(Noted { tsc: now, event: Event::Enter { eip } });
        }
    }

    /// The events kept, oldest first; the TSC stands at `now`.
    pub fn events(&self, now: u64) -> impl Iterator<Item = Noted> + use<> {
        let mut kept = [None; TRACE_LEN];
        let (newer, older) = self.ring.split_at(self.next % TRACE_LEN);
        let newest_first = newer.iter().rev().chain(older.iter().rev());
        let mut later = now;
        for (into, slot) in kept.iter_mut().rev().zip(newest_first) {
            *into = slot.event.map(|event| Noted { tsc: unfold(slot.tsc, event, later), event });
            later = into.map_or(later, |noted| noted.tsc);
        }
        // What followed from an event that is forgotten has, for want of a better one, the time of
        // the next.
        let mut before = None;
        kept.into_iter().flatten().map(move |mut noted| {
            noted.tsc = before.filter(|_| noted.event.follows()).unwrap_or(noted.tsc);
            before = Some(noted.tsc);
            noted
        })
    }
}

/// When an event was that bears `tsc` and was no later than `later`.
fn unfold(tsc: u32, event: Event, later: u64) -> u64 {
    match event {
        _ if event.follows() => later,
        Event::Slice { high } | Event::Rest { high, .. } => u64::from(high) << 32 | u64::from(tsc),
        _ => later.wrapping_sub((later as u32).wrapping_sub(tsc).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::event::Kinds;
    use crate::trace::feed::Feed;
    use crate::trace::frame::Frame;
    use std::{cell::RefCell, rc::Rc};

    fn call(number: u32) -> Event {
        Event::Hypercall { number, arg1: 0, arg2: 0 }
    }

    #[test]
    fn the_ring_keeps_the_last_ones_in_order() {
        let mut trace = Trace::default();
        for number in 0..TRACE_LEN as u32 + 3 {
            trace.note_at(u64::from(number) * 10, call(number));
        }
        let kept: Vec<Noted> = trace.events(1_000_000).collect();
        let expected = (3..TRACE_LEN as u32 + 3)
            .map(|number| Noted { tsc: u64::from(number) * 10, event: call(number) });
        assert_eq!(kept, expected.collect::<Vec<_>>());
    }

    #[test]
    fn a_ring_that_is_not_full_gives_what_it_has() {
        let mut trace = Trace::default();
        assert_eq!(trace.events(5).count(), 0);
        trace.note_at(3, call(1));
        assert_eq!(trace.events(5).collect::<Vec<_>>(), [Noted { tsc: 3, event: call(1) }]);
    }

    #[test]
    fn what_follows_has_the_time_of_what_it_follows_from() {
        let mut trace = Trace::default();
        trace.note_at(10, call(1));
        trace.note(Event::Inject { vector: 14, handler: 0 });
        trace.note_at(20, call(2));
        let times = |trace: &Trace| trace.events(30).map(|noted| noted.tsc).collect::<Vec<_>>();
        assert_eq!(times(&trace), [10, 10, 20]);
        for _ in 0..TRACE_LEN - 2 {
            trace.note(call(3));
        }
        assert_eq!(times(&trace)[..2], [20, 20], "what it followed from is forgotten");
    }

    #[test]
    fn who_listens_is_told_what_was_before_too() {
        let mut trace = Trace::default();
        trace.note_at(10, call(1));
        let feed = Rc::new(RefCell::new(Feed::new(Kinds::ALL, 100)));
        trace.watch(feed.clone(), 20);
        trace.note_at(30, call(2));
        trace.feed(40);
        let told = feed.borrow_mut().frame(0);
        let events = [(0, call(1)), (20, call(2))].into_iter().collect();
        assert_eq!(told, Some(Frame::Events { guest: 0, tsc: 10, events }));
    }

    #[test]
    fn sleep_does_not_confuse_the_times() {
        let rest = |tsc: u64| Event::Rest { high: (tsc >> 32) as u32, asleep: true };
        let slice = |tsc: u64| Event::Slice { high: (tsc >> 32) as u32 };
        let times = [0x1_FFFF_FFF0, 0x2_0000_0005, 0x2_0000_0010, 0x9_0000_0000, 0x9_0000_0700];
        let [a, b, c, d, e] = times;
        let mut trace = Trace::default();
        for (tsc, event) in [(a, call(1)), (b, call(2)), (c, rest(c)), (d, slice(d)), (e, call(3))] {
            trace.note_at(tsc, event);
        }
        let told: Vec<u64> = trace.events(0x9_1000_0000).map(|noted| noted.tsc).collect();
        assert_eq!(told, times);
        trace.note_at(0x9_0000_0800, rest(0x9_0000_0800));
        let told: Vec<u64> = trace.events(0x30_0000_0000).map(|noted| noted.tsc).collect();
        assert_eq!(told, [&times[..], &[0x9_0000_0800]].concat());
    }
}
