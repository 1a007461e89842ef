//! The headers of a TCP packet, found in a frame.
//!
//! ```text
//!  0                    ip             tcp                     data
//!  | Ethernet, VLAN tags | IPv4 or IPv6 | TCP, with its options | ...
//! ```
//!
//! Only what can be cut up is found: no fragment, no extension header. Drivers
//! are not offered to hand over anything else in one piece. Linux from 3.10 on
//! leaves VLAN tags in what it hands over.
//!
//! Invariants: a frame that is found to be TCP has all its headers
//! (`a_frame_of_noise_has_its_headers_or_is_none`).
//!
//! Source: RFC 791, 3.1; RFC 8200, 3; RFC 9293, 3.1.
//!
//! Next on the tour: [`super::cutter`].

use super::{
    layers::{Content, IPV4, IPV6, LINK_MAX},
    unfinished::Unfinished,
};

/// Most bytes of all headers together.
pub const HEADERS_MAX: usize = LINK_MAX + 60 + 60;

const IPV6_LEN: usize = 40;
const TCP: u8 = 6;
const TCP_LEN: usize = 20;
/// Offset of the checksum in a TCP header.
pub(super) const TCP_CHECKSUM: usize = 16;
const TCP_DATA_OFFSET: usize = 12;

/// Where the headers of a TCP packet lie.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TcpFrame {
    is_v6: bool,
    /// Offset of the IP header.
    pub ip: usize,
    /// Offset of the TCP header.
    pub tcp: usize,
    /// Offset of the data.
    pub data: usize,
}

impl TcpFrame {
    /// Finds the headers; `None` if they are others.
    pub fn parse(frame: &[u8]) -> Option<Self> {
        let Content { kind, at: ip } = Content::find(frame).filter(|content| content.at <= LINK_MAX)?;
        let (is_v6, tcp) = match kind {
            IPV4 => (false, ip + ipv4_len(&frame[ip..])?),
            IPV6 => (true, ip + ipv6_len(&frame[ip..])?),
            _ => return None,
        };
        let words = frame.get(tcp + TCP_DATA_OFFSET)? >> 4;
        let data = tcp + 4 * usize::from(words);
        (data >= tcp + TCP_LEN && data <= frame.len()).then_some(Self { is_v6, ip, tcp, data })
    }

    /// Whether it came over IPv6.
    pub const fn is_v6(&self) -> bool {
        self.is_v6
    }

    /// Where a driver would have left its checksum to us.
    pub const fn unfinished_checksum(&self) -> Unfinished {
        Unfinished { start: self.tcp as u16, offset: TCP_CHECKSUM as u16 }
    }
}

/// Bytes of the IPv4 header, if TCP and no fragment follows it.
fn ipv4_len(packet: &[u8]) -> Option<usize> {
    let header = packet.get(..20)?;
    let len = 4 * usize::from(header[0] & 0xF);
    let is_whole = header[6] & 0x3F == 0 && header[7] == 0;
    (header[0] >> 4 == 4 && len >= 20 && header[9] == TCP && is_whole).then_some(len)
}

/// Bytes of the IPv6 header, if TCP follows it at once.
fn ipv6_len(packet: &[u8]) -> Option<usize> {
    let header = packet.get(..IPV6_LEN)?;
    (header[0] >> 4 == 6 && header[6] == TCP).then_some(IPV6_LEN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::frames::{tagged, tcp4, tcp6};
    use proptest::prelude::*;

    #[test]
    fn headers_are_found_where_they_are() {
        let v4 = TcpFrame::parse(&tcp4(0x10, b"data")).unwrap();
        assert_eq!((v4.is_v6(), v4.tcp, v4.data), (false, 34, 54));
        let v6 = TcpFrame::parse(&tcp6(0x10, b"data")).unwrap();
        assert_eq!((v6.is_v6(), v6.tcp, v6.data), (true, 54, 74));
        let behind = TcpFrame::parse(&tagged(&[0x88A8, 0x8100], &tcp4(0x10, b"data"))).unwrap();
        assert_eq!((behind.is_v6(), behind.ip, behind.tcp, behind.data), (false, 22, 42, 62));
    }

    #[test]
    fn a_fragment_another_protocol_and_a_header_cut_off_are_none() {
        let good = tcp4(0x10, b"");
        let with = |place: usize, byte: u8| {
            let mut frame = good.clone();
            frame[place] = byte;
            TcpFrame::parse(&frame)
        };
        assert!(with(20, 0x40).is_some(), "do not fragment");
        for (place, byte) in
            [(12, 9), (14, 0x44), (14, 0x65), (20, 0x20), (21, 1), (23, 17), (46, 0x40), (46, 0x60)]
        {
            assert_eq!(with(place, byte), None, "{byte:#x} at {place}");
        }
        assert_eq!(TcpFrame::parse(&good[..53]), None);
    }

    proptest! {
        #[test]
        fn a_frame_of_noise_has_its_headers_or_is_none(
            mut frame in proptest::collection::vec(any::<u8>(), 0..200), v6: bool,
        ) {
            if let Some(kind) = frame.get_mut(12..14) {
                kind.copy_from_slice(&if v6 { IPV6 } else { IPV4 }.to_be_bytes());
            }
            if let Some(tcp) = TcpFrame::parse(&frame) {
                prop_assert!(tcp.tcp + TCP_LEN <= tcp.data && tcp.data <= frame.len());
                prop_assert!(tcp.data <= HEADERS_MAX);
            }
        }
    }
}
