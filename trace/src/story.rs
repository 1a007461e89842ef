//! What a trace says, put in order.
//!
//! Frames come Guest by Guest; here events are by time, each with whose it is.
//! What was lost on the way stays lost, and how much that was is known.
//!
//! Invariants:
//! - Whatever the bytes are, there is a story or a reason
//!   (`noise_is_no_trace`).
//! - No name of a Guest's has a control character in it
//!   (`a_name_is_one_word_of_text`).
//!
//! Next on the tour: [`crate::names`].

use std::collections::BTreeMap;

use kernel::trace::event::Event;
use kernel::trace::frame::{Decoder, Frame, VERSION};

/// Something that happened to a Guest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Told {
    /// Its number.
    pub guest: u8,
    /// The TSC.
    pub tsc: u64,
    /// What it was.
    pub event: Event,
}

/// A whole trace.
#[derive(Default)]
pub struct Story {
    /// The TSC's frequency; 0 if that was never told.
    pub khz: u32,
    /// The TSC at the Host's start.
    start: u64,
    /// What the Guests are called, by number.
    names: BTreeMap<u8, String>,
    /// All that happened, in order.
    pub events: Vec<Told>,
    /// How many events there was no room for, by Guest.
    pub lost: BTreeMap<u8, u64>,
    /// How many stretches of the line were no frames.
    pub spoilt: u64,
    /// The last frame has no end.
    pub is_cut_off: bool,
}

impl Story {
    /// Reads what came over the line.
    ///
    /// # Errors
    /// If it is no trace, or one of a format that this program does not know.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let (mut story, mut decoder) = (Self::default(), Decoder::default());
        let mut frames = 0;
        for &byte in bytes {
            if let Some(frame) = decoder.push(byte) {
                frames += 1;
                story.note(frame)?;
            }
        }
        if bytes.is_empty() {
            return Err("the file is empty: nothing was traced".into());
        }
        if frames == 0 {
            return Err("the file is no trace: there is no frame in it".into());
        }
        story.spoilt = decoder.spoilt();
        story.is_cut_off = bytes.last() != Some(&0);
        // Each Guest's are in order; a stable sort keeps what happened at the same time so.
        story.events.sort_by_key(|told| told.tsc);
        Ok(story)
    }

    fn note(&mut self, frame: Frame) -> Result<(), String> {
        match frame {
            Frame::Clock { version, .. } if version != VERSION => {
                return Err(format!("the trace is of version {version}, and this program knows {VERSION}"));
            }
            Frame::Clock { khz, tsc, nanos, .. } => {
                self.khz = khz;
                let ticks = u128::from(nanos) * u128::from(khz) / 1_000_000;
                self.start = tsc.wrapping_sub(u64::try_from(ticks).unwrap_or(u64::MAX));
            }
            Frame::Guest { number, name } => {
                self.names.insert(number, readable(&name));
            }
            Frame::Events { guest, mut tsc, events } => {
                self.events.extend(events.into_iter().map(|(ticks, event)| {
                    tsc = tsc.saturating_add(ticks.into());
                    Told { guest, tsc, event }
                }));
            }
            Frame::Lost { guest, count } => *self.lost.entry(guest).or_default() += u64::from(count),
        }
        Ok(())
    }

    /// Nanoseconds since the Host's start.
    pub fn nanos(&self, tsc: u64) -> u64 {
        self.ticks_to_nanos(tsc.wrapping_sub(self.start))
    }

    /// How long so many ticks are, in nanoseconds; a tick is one if nobody said.
    pub fn ticks_to_nanos(&self, ticks: u64) -> u64 {
        let nanos =
            u128::from(ticks) * 1_000_000 / u128::from(if self.khz == 0 { 1_000_000 } else { self.khz });
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }

    /// What a Guest is called.
    pub fn name(&self, guest: u8) -> String {
        self.names.get(&guest).cloned().unwrap_or_else(|| format!("#{guest}"))
    }

    /// The Guests that something is known of.
    pub fn guests(&self) -> Vec<u8> {
        let mut guests: Vec<u8> = self.names.keys().copied().collect();
        guests.extend(self.events.iter().map(|told| told.guest).chain(self.lost.keys().copied()));
        guests.sort_unstable();
        guests.dedup();
        guests
    }

    /// A Guest's events, each exit with how many ticks it kept the Host busy, where that is known.
    pub fn of(&self, guest: u8) -> impl Iterator<Item = (Told, Option<u64>)> + '_ {
        let mine = move |told: &&Told| told.guest == guest;
        self.events.iter().enumerate().filter(move |(_, told)| mine(told)).map(move |(place, told)| {
            let spent = || {
                let mut later = self.events[place + 1..].iter().filter(mine);
                let next = later.find(|next| leaves(next.event) || is_served(next.event))?;
                is_served(next.event).then(|| next.tsc - told.tsc)
            };
            (*told, if leaves(told.event) { spent() } else { None })
        })
    }
}

/// A name with its control characters written as letters.
fn readable(name: &str) -> String {
    let escaped = name.chars().map(|letter| match letter {
        ' ' | '\\' => letter.escape_unicode().to_string(),
        _ if letter.is_control() => letter.escape_default().to_string(),
        _ => letter.to_string(),
    });
    escaped.collect()
}

/// Whether the Host is done with an exit: the Guest goes on, or somebody else does.
const fn is_served(event: Event) -> bool {
    matches!(event, Event::Enter { .. } | Event::Rest { .. })
}

/// Whether the Guest has just left with an event.
pub const fn leaves(event: Event) -> bool {
    matches!(event, Event::Exit { .. } | Event::Hypercall { .. })
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use kernel::trace::frame::FRAME_MAX;
    use proptest::prelude::*;

    /// Two Guests: one calls and faults, of the other an event is lost.
    pub fn line() -> Vec<u8> {
        let clock = Frame::Clock { version: VERSION, khz: 1_000_000, tsc: 5_000, nanos: 4_000, epoch: 0 };
        let names = [(0, "a"), (1, "b")].map(|(number, name)| Frame::Guest { number, name: name.into() });
        let call = Event::Hypercall { number: 17, arg1: 1, arg2: 2 };
        let fault = Event::Exit { trapnum: 14, code: 2, cr2: 0x1234, eip: 0xC010_0004 };
        let enter = Event::Enter { eip: 0xC010_0004 };
        let events =
            [(0, call), (10, enter), (90, fault), (0, Event::Inject { vector: 14, handler: 1 }), (30, enter)];
        let frames = [
            Frame::Events { guest: 0, tsc: 6_000, events: events.into_iter().collect() },
            Frame::Lost { guest: 1, count: 3 },
            Frame::Events {
                guest: 1,
                tsc: 6_050,
                events: [(0, Event::Raise { line: 1 })].into_iter().collect(),
            },
        ];
        let all = [clock].into_iter().chain(names).chain(frames);
        all.flat_map(|frame| frame.encode(&mut [0; FRAME_MAX]).to_vec()).collect()
    }

    #[test]
    fn events_are_by_time_and_exits_know_how_long_they_took() {
        let story = Story::read(&line()).unwrap();
        let told: Vec<_> = story.events.iter().map(|told| (story.nanos(told.tsc), told.guest)).collect();
        assert_eq!(told, [(5000, 0), (5010, 0), (5050, 1), (5100, 0), (5100, 0), (5130, 0)]);
        let spent: Vec<_> = story.of(0).map(|(_, spent)| spent).collect();
        assert_eq!(spent, [Some(10), None, Some(30), None, None]);
        assert_eq!((story.name(1), story.name(7), story.lost[&1]), ("b".into(), "#7".into(), 3));
        assert_eq!(story.guests(), [0, 1]);
    }

    #[test]
    fn another_version_is_refused_in_words() {
        let clock = Frame::Clock { version: VERSION + 1, khz: 0, tsc: 0, nanos: 0, epoch: 0 };
        let refused = Story::read(clock.encode(&mut [0; FRAME_MAX])).err();
        assert_eq!(
            refused.unwrap(),
            format!("the trace is of version {}, and this program knows {VERSION}", VERSION + 1)
        );
    }

    #[test]
    fn what_is_no_trace_is_refused_in_words() {
        let refused = |bytes: &[u8]| Story::read(bytes).err().unwrap();
        assert_eq!(refused(b""), "the file is empty: nothing was traced");
        assert_eq!(refused(b"c0100000 T start\n\0"), "the file is no trace: there is no frame in it");
        assert_eq!(refused(&line()[..9]), "the file is no trace: there is no frame in it");
        assert!(!Story::read(&line()).unwrap().is_cut_off);
    }

    #[test]
    fn a_name_is_one_word_of_text() {
        let named = |name: &str| {
            let frame = Frame::Guest { number: 3, name: name.into() };
            Story::read(frame.encode(&mut [0; FRAME_MAX])).unwrap().name(3)
        };
        assert_eq!(named("web-1"), "web-1");
        assert_eq!(named("a\x1b[2J\n b"), r"a\u{1b}[2J\n\u{20}b");
    }

    proptest! {
        #[test]
        fn noise_is_no_trace(noise in prop::collection::vec(any::<u8>(), 0..500)) {
            prop_assert!(Story::read(&noise).is_err());
        }

        #[test]
        fn a_trace_that_is_cut_off_is_read_as_far_as_it_goes(at in any::<prop::sample::Index>()) {
            let whole = line();
            let part = &whole[..at.index(whole.len())];
            match Story::read(part) {
                Ok(story) => prop_assert_eq!(story.is_cut_off, part.last() != Some(&0)),
                Err(_) => prop_assert!(!part.contains(&0), "no frame has ended"),
            }
        }
    }
}
