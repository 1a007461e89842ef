//! The trace on a line: frames, and how they are told from noise.
//!
//! Whoever listens may come late, and bytes may be lost or made up on the way.
//! So a frame says all that is needed to understand it but the clock's rate
//! and the Guests' names, and those are told again each second.
//!
//! ```text
//!  0x00  COBS( postcard(Frame)  crc:u32 )  0x00  COBS( ... )  0x00 ...
//!                  |              `-- CRC-32/ISO-HDLC, little-endian
//!                  Clock   version khz tsc nanos epoch
//!                  Guest   number name
//!                  Events  guest tsc [(ticks since the one before, event)]
//!                  Lost    guest count
//! ```
//!
//! COBS takes the zeroes out of a frame and puts one behind it; postcard writes
//! the fields one behind the other, numbers of more than a byte in seven bits a
//! byte, the low ones first, and a choice as its number.
//!
//! Invariants:
//! - What was encoded is decoded, whatever the values (`a_frame_comes_back_as_it_was`).
//! - Noise is never a panic, and the first whole frame after it is understood
//!   (`noise_is_skipped`).
//! - The longest frame fits [`FRAME_MAX`] (`the_longest_frame_fits`).
//!
//! Source: postcard's wire format specification, 1.0; Cheshire and Baker,
//! "Consistent Overhead Byte Stuffing", 1999.
//!
//! Next on the tour: [`super::sender`].

use alloc::string::String;

use arrayvec::ArrayVec;
use postcard::ser_flavors::{Cobs, Flavor, Slice, crc::CrcModifier};
use serde::{Deserialize, Serialize};

use crate::trace::event::Event;

/// Version of what follows from these types; another one is another format.
pub const VERSION: u8 = 1;
/// Most events in a frame.
pub const BATCH: usize = 16;
/// Most bytes of a frame, as it goes over the line.
pub const FRAME_MAX: usize = 512;

const CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);

/// What is told at a time.
#[expect(clippy::large_enum_variant, reason = "a frame is made, sent and gone; nobody keeps many")]
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Frame {
    /// What the TSC means. The first frame there is, and the first field of it says whether the rest
    /// can be understood.
    Clock {
        /// [`VERSION`].
        version: u8,
        /// Its frequency.
        khz: u32,
        /// How it stands.
        tsc: u64,
        /// How many nanoseconds after the Host's start that is.
        nanos: u64,
        /// When that start was, in seconds since 1970; 0 if the machine knows no date.
        epoch: u32,
    },
    /// Who a Guest is.
    Guest {
        /// Its number in this trace.
        number: u8,
        /// Its name.
        name: String,
    },
    /// What happened to one.
    Events {
        /// Its number.
        guest: u8,
        /// The TSC, at the first of them.
        tsc: u64,
        /// The events, oldest first, each with the TSC's ticks since the one before.
        events: ArrayVec<(u32, Event), BATCH>,
    },
    /// What happened to one and is not told: there was no room for it.
    Lost {
        /// Its number.
        guest: u8,
        /// How many events.
        count: u32,
    },
}

impl Frame {
    /// The frame as it goes over the line, ended by a zero, at the beginning of `room`.
    pub fn encode<'a>(&self, room: &'a mut [u8; FRAME_MAX]) -> &'a [u8] {
        let line = Cobs::try_new(Slice::new(room)).expect("there is room for the first byte");
        let checked = Wire(CrcModifier::new(line, CRC.digest()));
        let len = postcard::serialize_with_flavor(self, checked).expect("the longest frame fits").len();
        &room[..len]
    }
}

/// The way of each byte into a frame: summed up, and without zeroes. It is long, so there is one of it
/// and not one in each place where something is written.
struct Wire<'a>(CrcModifier<'static, Cobs<Slice<'a>>, u32>);

impl<'a> Flavor for Wire<'a> {
    type Output = &'a mut [u8];

    #[inline(never)]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.try_push(byte)
    }

    #[inline(never)]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        bytes.iter().try_for_each(|&byte| self.try_push(byte))
    }

    fn finalize(self) -> postcard::Result<Self::Output> {
        self.0.finalize()
    }
}

/// The other end of the line: makes frames of bytes.
#[derive(Default)]
pub struct Decoder {
    partial: ArrayVec<u8, FRAME_MAX>,
    /// What is coming in is too long to be a frame.
    is_noise: bool,
    spoilt: u64,
}

impl Decoder {
    /// Takes the next byte; `Some` if it ends a frame.
    pub fn push(&mut self, byte: u8) -> Option<Frame> {
        if byte != 0 {
            self.is_noise |= self.partial.try_push(byte).is_err();
            return None;
        }
        let (mut partial, is_noise) =
            (core::mem::take(&mut self.partial), core::mem::take(&mut self.is_noise));
        if partial.is_empty() {
            return None;
        }
        let frame = if is_noise { None } else { decode(&mut partial) };
        self.spoilt += u64::from(frame.is_none());
        frame
    }

    /// How many stretches between zeroes were no frames.
    pub const fn spoilt(&self) -> u64 {
        self.spoilt
    }
}

fn decode(bytes: &mut [u8]) -> Option<Frame> {
    let len = cobs::decode_in_place(bytes).ok()?;
    postcard::from_bytes_crc32(&bytes[..len], CRC.digest()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_event() -> impl Strategy<Value = Event> {
        let two = (any::<u32>(), any::<u32>());
        prop_oneof![
            (any::<u16>(), any::<[u32; 3]>()).prop_map(|(trapnum, [code, cr2, eip])| Event::Exit {
                trapnum,
                code,
                cr2,
                eip
            }),
            any::<[u32; 3]>().prop_map(|[number, arg1, arg2]| Event::Hypercall { number, arg1, arg2 }),
            (any::<u8>(), any::<u8>(), two).prop_map(|(number, count, (arg1, arg2))| {
                Event::Hypercalls { number, count, arg1, arg2 }
            }),
            (any::<u8>(), any::<u32>()).prop_map(|(vector, handler)| Event::Inject { vector, handler }),
            any::<u8>().prop_map(|line| Event::Raise { line }),
            any::<u32>().prop_map(|high| Event::Slice { high }),
            (any::<u32>(), any::<bool>()).prop_map(|(high, asleep)| Event::Rest { high, asleep }),
            any::<u32>().prop_map(|entry| Event::Start { entry }),
            any::<u32>().prop_map(|eip| Event::Enter { eip }),
        ]
    }

    fn any_frame() -> impl Strategy<Value = Frame> {
        let events = prop::collection::vec((any::<u32>(), any_event()), 0..=BATCH);
        prop_oneof![
            any::<(u32, u64, u64, u32)>().prop_map(|(khz, tsc, nanos, epoch)| Frame::Clock {
                version: VERSION,
                khz,
                tsc,
                nanos,
                epoch
            }),
            (any::<u8>(), "[a-z0-9_-]{1,32}").prop_map(|(number, name)| Frame::Guest { number, name }),
            (any::<(u8, u64)>(), events).prop_map(|((guest, tsc), events)| Frame::Events {
                guest,
                tsc,
                events: events.into_iter().collect()
            }),
            any::<(u8, u32)>().prop_map(|(guest, count)| Frame::Lost { guest, count }),
        ]
    }

    fn encoded(frame: &Frame) -> Vec<u8> {
        frame.encode(&mut [0; FRAME_MAX]).to_vec()
    }

    fn decoded(bytes: &[u8]) -> (Vec<Frame>, u64) {
        let mut decoder = Decoder::default();
        let frames = bytes.iter().filter_map(|&byte| decoder.push(byte)).collect();
        (frames, decoder.spoilt())
    }

    proptest! {
        #[test]
        fn a_frame_comes_back_as_it_was(frames in prop::collection::vec(any_frame(), 1..5)) {
            let line: Vec<u8> = frames.iter().flat_map(encoded).collect();
            prop_assert_eq!(decoded(&line), (frames, 0));
        }

        #[test]
        fn noise_is_skipped(noise in prop::collection::vec(any::<u8>(), 0..2000), frame in any_frame()) {
            let line = [&noise[..], &[0], &encoded(&frame)].concat();
            prop_assert_eq!(decoded(&line).0, [frame]);
        }

        #[test]
        fn a_spoilt_byte_spoils_its_frame_and_no_other(
            frames in prop::collection::vec(any_frame(), 3),
            at in any::<prop::sample::Index>(),
            flip in 1_u8..
        ) {
            let mut parts: Vec<Vec<u8>> = frames.iter().map(encoded).collect();
            let len = parts[1].len() - 1; // the zero behind it is not its own
            parts[1][at.index(len)] ^= flip;
            let (told, spoilt) = decoded(&parts.concat());
            prop_assert_eq!((&told[0], told.last()), (&frames[0], frames.last()));
            prop_assert!(told.len() == 2 && spoilt >= 1, "{} frames, {} spoilt", told.len(), spoilt);
        }
    }

    #[test]
    fn the_longest_frame_fits() {
        let most = u32::MAX;
        let longest = Event::Exit { trapnum: u16::MAX, code: most, cr2: most, eip: most };
        let events = [(most, longest); BATCH].into();
        let frame = Frame::Events { guest: u8::MAX, tsc: u64::MAX, events };
        assert!(encoded(&frame).len() <= FRAME_MAX);
    }
}
