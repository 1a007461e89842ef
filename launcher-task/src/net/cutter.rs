//! Does for a receiver what its driver cannot: finishes checksums, cuts large packets up.
//!
//! Between two Guests with the same features a packet goes through untouched.
//! Where the receiver lacks one, the frame in its queue is worked on here, a
//! segment at a time, in the receiver's own turn:
//!
//! ```text
//!  | headers | data .......................... |       one large packet
//!  | headers'| data 0 | headers'| data 1 | ...         what a wire would carry
//!     IPv4: length, identification, checksum    TCP: sequence, flags, checksum
//! ```
//!
//! VLAN tags are headers like others, and each segment has them. Data are
//! never copied for it: a segment is its own headers and a piece of the frame.
//!
//! Invariants:
//! - The segments' data, put together, are the packet's, and each segment's checksums are right
//!   (`segments_make_up_the_packet_and_are_sound`).
//! - FIN and PSH are on the last segment alone, CWR on the first
//!   (`marks_are_where_they_belong`).
//!
//! Source: virtio 1.0, 5.1.6.2 "Packet Transmission"; RFC 9293, 3.1; RFC 3168, 6.1.2.
//!
//! Next on the tour: [`super::queue`].

use core::ops::Range;

use super::{
    checksum::Sum,
    header::{GUEST_CSUM, Offload},
    headers::{HEADERS_MAX, TCP_CHECKSUM, TcpFrame},
    unfinished::Unfinished,
};

const FIN_AND_PSH: u8 = 0x01 | 0x08;
const CWR: u8 = 0x80;
const TCP: u8 = 6;

/// Offsets in an IPv4 header.
const TOTAL_LEN: usize = 2;
const IDENTIFICATION: usize = 4;
const IPV4_CHECKSUM: usize = 10;
/// Offset in an IPv6 header.
const PAYLOAD_LEN: usize = 4;
/// Offsets in a TCP header.
const SEQUENCE: usize = 4;
const FLAGS: usize = 13;

/// What a receiver gets of a frame: as often as there are [`Cut::pieces`].
#[derive(Debug)]
pub enum Cut {
    /// The frame as it is, with what is left to do.
    Whole(Offload),
    /// The frame with its checksum put right at this offset.
    Summed {
        /// Where in the frame it goes.
        at: usize,
        /// The checksum.
        checksum: u16,
    },
    /// Segments.
    Segments(Segments),
}

/// A large packet in the course of being cut up.
#[derive(Debug)]
pub struct Segments {
    tcp: TcpFrame,
    len: usize,
    data_len: usize,
    /// The receiver sums up by itself.
    leaves_checksum: bool,
}

/// One segment.
#[derive(Debug)]
pub struct Segment {
    headers: [u8; HEADERS_MAX],
    headers_len: usize,
    /// Where its data are in the frame.
    pub data: Range<usize>,
    /// What is left to do.
    pub offload: Offload,
}

impl Cut {
    /// Decides what a receiver with `features` gets of a frame and its offload, judged before.
    pub fn new(frame: &[u8], offload: Offload, features: u64) -> Self {
        if offload.is_for(features) {
            return Self::Whole(offload);
        }
        let (Some(large), Some(tcp)) = (offload.large, TcpFrame::parse(frame)) else {
            return Self::finish(frame, offload);
        };
        Self::Segments(Segments {
            tcp,
            len: frame.len() - tcp.data,
            data_len: large.segment.into(),
            leaves_checksum: features & GUEST_CSUM != 0,
        })
    }

    fn finish(frame: &[u8], offload: Offload) -> Self {
        let Some(Unfinished { start, offset }) = offload.checksum else {
            return Self::Whole(Offload::NONE);
        };
        let sum = Sum::ZERO.plus(&frame[usize::from(start)..]);
        // In UDP a checksum of zero means that there is none, and all ones is the same number.
        let checksum = if sum.checksum() == 0 { 0xFFFF } else { sum.checksum() };
        Self::Summed { at: usize::from(start) + usize::from(offset), checksum }
    }

    /// How many packets the receiver gets.
    pub const fn pieces(&self) -> usize {
        match self {
            Self::Whole(_) | Self::Summed { .. } => 1,
            Self::Segments(segments) => segments.count(),
        }
    }
}

impl Segments {
    /// A packet without data is one segment too.
    const fn count(&self) -> usize {
        if self.len == 0 { 1 } else { self.len.div_ceil(self.data_len) }
    }

    /// Makes segment `index` of the frame it was made for.
    pub fn segment(&self, index: usize, frame: &[u8]) -> Segment {
        let (headers_len, from) = (self.tcp.data, index * self.data_len);
        let to = self.len.min(from + self.data_len);
        let mut headers = [0; HEADERS_MAX];
        headers[..headers_len].copy_from_slice(&frame[..headers_len]);
        let data = headers_len + from..headers_len + to;
        let own = &mut headers[..headers_len];
        self.number(own, index, to - from);
        let sum = pseudo_header(own, &self.tcp, to - from);
        let offload = if self.leaves_checksum {
            put(own, self.tcp.tcp + TCP_CHECKSUM, sum.folded());
            Offload { checksum: Some(self.tcp.unfinished_checksum()), large: None }
        } else {
            put(own, self.tcp.tcp + TCP_CHECKSUM, 0);
            let sum = sum.plus(&own[self.tcp.tcp..]).plus(&frame[data.clone()]);
            put(own, self.tcp.tcp + TCP_CHECKSUM, sum.checksum());
            Offload::NONE
        };
        Segment { headers, headers_len, data, offload }
    }

    /// Writes lengths, numbers and flags of segment `index` with `len` bytes of data.
    fn number(&self, headers: &mut [u8], index: usize, len: usize) {
        let ip = &mut headers[self.tcp.ip..];
        if self.tcp.is_v6() {
            put(ip, PAYLOAD_LEN, (self.tcp.data - self.tcp.tcp + len) as u16);
        } else {
            put(ip, TOTAL_LEN, (self.tcp.data - self.tcp.ip + len) as u16);
            let identification = get(ip, IDENTIFICATION).wrapping_add(index as u16);
            put(ip, IDENTIFICATION, identification);
            put(ip, IPV4_CHECKSUM, 0);
            let sum = Sum::ZERO.plus(&ip[..self.tcp.tcp - self.tcp.ip]);
            put(ip, IPV4_CHECKSUM, sum.checksum());
        }
        let tcp = &mut headers[self.tcp.tcp..];
        let first = u32::from(get(tcp, SEQUENCE)) << 16 | u32::from(get(tcp, SEQUENCE + 2));
        let sequence = first.wrapping_add((index * self.data_len) as u32);
        tcp[SEQUENCE..SEQUENCE + 4].copy_from_slice(&sequence.to_be_bytes());
        if index > 0 {
            tcp[FLAGS] &= !CWR;
        }
        if index + 1 < self.count() {
            tcp[FLAGS] &= !FIN_AND_PSH;
        }
    }
}

impl Segment {
    /// Its headers.
    pub fn headers(&self) -> &[u8] {
        &self.headers[..self.headers_len]
    }
}

/// The sum of what TCP sums up besides itself: addresses, protocol, length.
fn pseudo_header(headers: &[u8], frame: &TcpFrame, data_len: usize) -> Sum {
    let addresses = if frame.is_v6() { frame.ip + 8..frame.ip + 40 } else { frame.ip + 12..frame.ip + 20 };
    let len = frame.data - frame.tcp + data_len;
    Sum::ZERO.plus(&headers[addresses]).add_word(TCP.into()).add_word(len as u16)
}

fn get(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn put(bytes: &mut [u8], at: usize, value: u16) {
    bytes[at..at + 2].copy_from_slice(&value.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::frames::{checksums_are_right, tagged, tcp4, tcp6, untagged};
    use crate::net::header::{CSUM, GUEST_TSO4, HOST_TSO4, HOST_TSO6, Large};
    use proptest::prelude::*;

    const ALL: u64 = CSUM | HOST_TSO4 | HOST_TSO6;

    fn large(frame: &[u8], segment: u16) -> Offload {
        let tcp = TcpFrame::parse(frame).unwrap();
        let large = Large { is_v6: tcp.is_v6(), has_ecn: false, segment };
        let offload = Offload { checksum: Some(tcp.unfinished_checksum()), large: Some(large) };
        Offload::admit(offload.to_wire(0), ALL, frame).unwrap()
    }

    /// All segments as frames.
    fn cut(frame: &[u8], offload: Offload, features: u64) -> Vec<Vec<u8>> {
        let Cut::Segments(segments) = Cut::new(frame, offload, features) else { panic!("it is not cut") };
        let whole = |index| {
            let segment = segments.segment(index, frame);
            [segment.headers(), &frame[segment.data.clone()]].concat()
        };
        (0..segments.count()).map(whole).collect()
    }

    #[test]
    fn what_the_receiver_can_do_goes_through_untouched() {
        let frame = tcp4(0x18, &[1; 3000]);
        let offload = large(&frame, 1460);
        assert!(
            matches!(Cut::new(&frame, offload, GUEST_CSUM | GUEST_TSO4), Cut::Whole(left) if left == offload)
        );
        assert!(matches!(Cut::new(&frame, Offload::NONE, 0), Cut::Whole(Offload::NONE)));
    }

    #[test]
    fn a_checksum_is_finished_for_a_receiver_that_cannot() {
        let mut frame = tcp4(0x18, b"odd");
        let right = get(&frame, 50);
        let tcp = TcpFrame::parse(&frame).unwrap();
        let partial = pseudo_header(&frame, &tcp, 3).folded();
        put(&mut frame, 50, partial);
        let offload = Offload { checksum: Some(tcp.unfinished_checksum()), large: None };
        let Cut::Summed { at, checksum } = Cut::new(&frame, offload, 0) else {
            panic!("it is not summed up")
        };
        assert_eq!((at, checksum), (50, right));
        assert!(matches!(Cut::new(&frame, offload, GUEST_CSUM), Cut::Whole(_)));
    }

    #[test]
    fn marks_are_where_they_belong() {
        let frame = tcp4(0x80 | 0x10 | 0x08 | 0x01, &[1; 250]);
        let flags: Vec<u8> = cut(&frame, large(&frame, 100), 0).iter().map(|frame| frame[47]).collect();
        assert_eq!(flags, [0x90, 0x10, 0x19]);
    }

    #[test]
    fn a_receiver_that_sums_up_by_itself_is_left_the_checksum() {
        let frame = tcp4(0x10, &[1; 250]);
        let Cut::Segments(segments) = Cut::new(&frame, large(&frame, 100), GUEST_CSUM) else { panic!() };
        let segment = segments.segment(1, &frame);
        let mut whole = [segment.headers(), &frame[segment.data.clone()]].concat();
        let Cut::Summed { at, checksum } = Cut::new(&whole, segment.offload, 0) else { panic!() };
        put(&mut whole, at, checksum);
        assert!(checksums_are_right(&whole));
    }

    proptest! {
        #[test]
        fn segments_make_up_the_packet_and_are_sound(
            data in proptest::collection::vec(any::<u8>(), 0..5000), segment in 48u16..1500, v6: bool,
            tags in 0usize..=4,
        ) {
            let tags = &[0x88A8, 0x8100, 0x8100, 0x8100][..tags];
            let frame = tagged(tags, &if v6 { tcp6(0x18, &data) } else { tcp4(0x18, &data) });
            let headers_len = TcpFrame::parse(&frame).unwrap().data;
            let mut together = Vec::new();
            for (index, piece) in cut(&frame, large(&frame, segment), 0).iter().enumerate() {
                prop_assert_eq!(&piece[..12 + 4 * tags.len()], &frame[..12 + 4 * tags.len()]);
                prop_assert!(checksums_are_right(&untagged(tags, piece)));
                let tcp = &piece[headers_len - 20..];
                let sequence = u32::from(get(tcp, 4)) << 16 | u32::from(get(tcp, 6));
                prop_assert_eq!(sequence, 0xFFFF_FF00u32.wrapping_add(together.len() as u32));
                if !v6 {
                    let ip = 14 + 4 * tags.len();
                    prop_assert_eq!(usize::from(get(piece, ip + 2)), piece.len() - ip);
                    prop_assert_eq!(usize::from(get(piece, ip + 4)), index + 7);
                }
                together.extend_from_slice(&piece[headers_len..]);
            }
            prop_assert_eq!(together, data);
        }
    }
}
