//! The header before each packet: what of it is still to be done.
//!
//! A driver that has accepted the features may leave the checksum to the
//! device, and hand over one large TCP packet where the wire would carry
//! forty. A header says so:
//!
//! ```text
//!  0 flags:u8     1 gso_type:u8   2 hdr_len:u16   4 gso_size:u16
//!  6 csum_start:u16               8 csum_offset:u16      (10 num_buffers:u16)
//! ```
//!
//! The driver that reads it is another Guest's, so a header is judged against
//! its own frame before it goes anywhere, and what cannot be true costs the
//! packet. `hdr_len` is a hint and not even looked at: the headers' length is
//! in the headers.
//!
//! Invariants:
//! - What an [`Offload`] names lies inside its frame
//!   (`an_offload_names_only_what_is_in_its_frame`).
//! - Nobody uses a feature that was not negotiated (`what_was_not_accepted_is_refused`).
//!
//! Source: virtio 1.0, 5.1.6 "Device Operation"; lguest ABI, "Request formats".
//!
//! Next on the tour: [`super::checksum`].

use super::headers::TcpFrame;
use super::unfinished::Unfinished;

/// Bytes of the header without `num_buffers`.
pub const HEADER_LEN: usize = 10;

/// Feature bit: the driver may leave checksums to us.
pub const CSUM: u64 = 1 << 0;
/// Feature bit: we may leave checksums to the driver.
pub const GUEST_CSUM: u64 = 1 << 1;
/// Feature bit: the address in the configuration is the card's.
pub const MAC: u64 = 1 << 5;
/// Feature bit: the driver takes large TCP packets over IPv4.
pub const GUEST_TSO4: u64 = 1 << 7;
/// Feature bit: the driver takes large TCP packets over IPv6.
pub const GUEST_TSO6: u64 = 1 << 8;
/// Feature bit: those may have congestion marks.
pub const GUEST_ECN: u64 = 1 << 9;
/// Feature bit: we take large TCP packets over IPv4.
pub const HOST_TSO4: u64 = 1 << 11;
/// Feature bit: we take large TCP packets over IPv6.
pub const HOST_TSO6: u64 = 1 << 12;
/// Feature bit: those may have congestion marks.
pub const HOST_ECN: u64 = 1 << 13;
/// Feature bit: one packet may come in several chains.
pub const MRG_RXBUF: u64 = 1 << 15;
/// Feature bit: the configuration says whether the cable is plugged in.
pub const STATUS: u64 = 1 << 16;

const NEEDS_CSUM: u8 = 1;
const GSO_NONE: u8 = 0;
const GSO_TCP4: u8 = 1;
const GSO_TCP6: u8 = 4;
const GSO_ECN: u8 = 0x80;
/// Smallest segment that may be asked for: Linux's own bound; without one, a packet could be made
/// to fall into 65,535 pieces.
pub const SEGMENT_MIN: u16 = 48;

/// What is left to be done to a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Offload {
    /// A checksum that is to be finished.
    pub checksum: Option<Unfinished>,
    /// A packet that is to be cut up.
    pub large: Option<Large>,
}

/// A TCP packet larger than the wire has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Large {
    /// Over IPv6 instead of IPv4.
    pub is_v6: bool,
    /// It has a congestion mark (CWR), which only its first segment shall have.
    pub has_ecn: bool,
    /// Bytes of data in each segment but the last.
    pub segment: u16,
}

impl Offload {
    /// Nothing left to do.
    pub const NONE: Self = Self { checksum: None, large: None };

    /// Judges a header of a driver that has accepted `features` against its frame.
    pub fn admit(header: [u8; HEADER_LEN], features: u64, frame: &[u8]) -> Option<Self> {
        if header[0] & NEEDS_CSUM == 0 && header[1] == GSO_NONE {
            return Some(Self::NONE);
        }
        let offload = Self::from_wire(header)?;
        let is_true = offload.wants(CSUM, HOST_TSO4, HOST_TSO6, HOST_ECN) & !features == 0
            && offload.checksum.is_none_or(|unfinished| unfinished.is_in(frame))
            && offload.large.is_none_or(|large| offload.fits(large, frame));
        is_true.then_some(offload)
    }

    /// Whether a driver that has accepted `features` can do what is left.
    pub const fn is_for(&self, features: u64) -> bool {
        self.wants(GUEST_CSUM, GUEST_TSO4, GUEST_TSO6, GUEST_ECN) & !features == 0
    }

    /// The features one must have that does what is left.
    const fn wants(&self, csum: u64, tso4: u64, tso6: u64, ecn: u64) -> u64 {
        let checksum = if self.checksum.is_some() { csum } else { 0 };
        let Some(large) = self.large else { return checksum };
        checksum | if large.is_v6 { tso6 } else { tso4 } | if large.has_ecn { ecn } else { 0 }
    }

    /// Reads a header by itself. `None` if it is none: a kind of packet nobody offered, a size
    /// that cannot be, or a large packet whose checksum is said to be right.
    pub fn from_wire(header: [u8; HEADER_LEN]) -> Option<Self> {
        let [flags, kind, _, _, size0, size1, start0, start1, offset0, offset1] = header;
        let unfinished = Unfinished {
            start: u16::from_le_bytes([start0, start1]),
            offset: u16::from_le_bytes([offset0, offset1]),
        };
        let checksum = (flags & NEEDS_CSUM != 0).then_some(unfinished);
        let is_v6 = match kind & !GSO_ECN {
            GSO_NONE if kind == GSO_NONE => return Some(Self { checksum, large: None }),
            GSO_TCP4 => false,
            GSO_TCP6 => true,
            _ => return None,
        };
        let large =
            Large { is_v6, has_ecn: kind & GSO_ECN != 0, segment: u16::from_le_bytes([size0, size1]) };
        let may_be = checksum.is_some() && large.segment >= SEGMENT_MIN;
        may_be.then_some(Self { checksum, large: Some(large) })
    }

    /// The header as a driver reads it; `headers_len` is the hint.
    pub const fn to_wire(self, headers_len: u16) -> [u8; HEADER_LEN] {
        let (flags, start, offset) = match self.checksum {
            Some(Unfinished { start, offset }) => (NEEDS_CSUM, start.to_le_bytes(), offset.to_le_bytes()),
            None => (0, [0; 2], [0; 2]),
        };
        let (kind, len, size) = match self.large {
            Some(Large { is_v6, has_ecn, segment }) => (
                if is_v6 { GSO_TCP6 } else { GSO_TCP4 } | if has_ecn { GSO_ECN } else { 0 },
                headers_len.to_le_bytes(),
                segment.to_le_bytes(),
            ),
            None => (GSO_NONE, [0; 2], [0; 2]),
        };
        [flags, kind, len[0], len[1], size[0], size[1], start[0], start[1], offset[0], offset[1]]
    }

    /// Whether `frame` is the TCP packet that `large` says, with its checksum where TCP has it.
    fn fits(&self, large: Large, frame: &[u8]) -> bool {
        TcpFrame::parse(frame)
            .is_some_and(|tcp| tcp.is_v6() == large.is_v6 && self.checksum == Some(tcp.unfinished_checksum()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::frames::{tcp4, tcp6};
    use proptest::prelude::*;

    const ALL: u64 = !0;

    fn large(is_v6: bool, start: u16) -> Offload {
        Offload {
            checksum: Some(Unfinished { start, offset: 16 }),
            large: Some(Large { is_v6, has_ecn: false, segment: 1000 }),
        }
    }

    #[test]
    fn a_header_is_read_as_it_is_written() {
        let offload = large(false, 34);
        let wire = offload.to_wire(54);
        assert_eq!(wire, [1, 1, 54, 0, 0xE8, 3, 34, 0, 16, 0]);
        assert_eq!(Offload::from_wire(wire), Some(offload));
        assert_eq!(Offload::NONE.to_wire(54), [0; 10]);
        assert_eq!(Offload::from_wire([0; 10]), Some(Offload::NONE));
    }

    #[test]
    fn a_large_packet_must_be_one() {
        let (v4, v6) = (tcp4(0x10, &[7; 3000]), tcp6(0x10, &[7; 3000]));
        assert_eq!(Offload::admit(large(false, 34).to_wire(0), ALL, &v4), Some(large(false, 34)));
        assert_eq!(Offload::admit(large(true, 54).to_wire(0), ALL, &v6), Some(large(true, 54)));
        for (lie, frame) in [
            (large(true, 34), &v4),
            (large(false, 54), &v6),
            (large(false, 36), &v4),
            (large(false, 34), &v4[..50].to_vec()),
            (Offload { checksum: None, ..large(false, 34) }, &v4),
            (
                Offload {
                    large: Some(Large { is_v6: false, has_ecn: false, segment: 0 }),
                    ..large(false, 34)
                },
                &v4,
            ),
        ] {
            assert_eq!(Offload::admit(lie.to_wire(0), ALL, frame), None, "{lie:?}");
        }
    }

    #[test]
    fn a_checksum_behind_the_frame_is_refused() {
        let header = |start: u16, offset: u16| {
            Offload { checksum: Some(Unfinished { start, offset }), large: None }.to_wire(0)
        };
        assert!(Offload::admit(header(34, 24), CSUM, &[0; 60]).is_some());
        for (start, offset) in [(34, 25), (60, 0), (0, 60), (0xFFFF, 0xFFFF), (0xFFFF, 1)] {
            assert_eq!(Offload::admit(header(start, offset), CSUM, &[0; 60]), None);
        }
    }

    #[test]
    fn what_was_not_accepted_is_refused() {
        let frame = tcp4(0x10, &[7; 3000]);
        let wire = large(false, 34).to_wire(0);
        assert!(Offload::admit(wire, CSUM | HOST_TSO4, &frame).is_some());
        assert_eq!(Offload::admit(wire, CSUM | HOST_TSO6, &frame), None);
        assert_eq!(Offload::admit(wire, HOST_TSO4, &frame), None);
        let mut marked = wire;
        marked[1] |= 0x80;
        assert_eq!(Offload::admit(marked, CSUM | HOST_TSO4, &frame), None);
        assert!(Offload::admit(marked, CSUM | HOST_TSO4 | HOST_ECN, &frame).is_some());
    }

    #[test]
    fn kinds_nobody_offered_are_refused() {
        let frame = tcp4(0x10, &[7; 3000]);
        for kind in [2, 3, 5, 0x80, 0x83, 0xFF] {
            let mut wire = large(false, 34).to_wire(0);
            wire[1] = kind;
            assert_eq!(Offload::admit(wire, ALL, &frame), None, "{kind:#x}");
        }
    }

    proptest! {
        #[test]
        fn an_offload_names_only_what_is_in_its_frame(
            header: [u8; 10], features: u64, len in 0usize..120, mut frame in Just(tcp4(0x10, &[7; 66])),
            (place, byte) in (0usize..120, any::<u8>()),
        ) {
            frame[place] = byte;
            frame.truncate(len);
            if let Some(offload) = Offload::admit(header, features, &frame) {
                if let Some(Unfinished { start, offset }) = offload.checksum {
                    prop_assert!(features & CSUM != 0 && usize::from(start + offset) + 2 <= frame.len());
                }
                prop_assert!(offload.large.is_none_or(|large| large.segment >= SEGMENT_MIN));
            }
        }
    }
}
