//! Answers pings, of any size, a fragment at a time.
//!
//! An echo reply is the request with its addresses swapped and one byte
//! changed, so each fragment of a request makes a fragment of the reply, and
//! nobody has to keep what has come of a packet so far. Whoever asked puts
//! them together again; 65,507 bytes, the most there can be, are 45 of them.
//!
//! ```text
//!   request  | IP: from you, part 0 | 8 ... sum | data   | IP: from you, part 1 | data
//!   reply    | IP: from me,  part 0 | 0 ... sum'| data   | IP: from me,  part 1 | data
//! ```
//!
//! The sum is changed by what the byte was changed by. So a request that was
//! damaged makes a reply that is, and is thrown away where its sender looks.
//!
//! Invariants:
//! - A reply is as long as its request, and goes back to the card it came from
//!   (`a_ping_of_any_size_is_answered`).
//! - Nothing is kept (there is no state here).
//!
//! Source: RFC 792, "Echo or Echo Reply Message"; RFC 791, 3.2 on fragments; RFC 1624.
//!
//! Next on the tour: [`super::datagrams`].

use smoltcp::wire::{EthernetAddress, Ipv4Address};

use super::credible::{self, TRANSPORT};
use crate::net::{checksum::Sum, layers::ETHERNET_LEN};

const ICMP: u8 = 1;
const REQUEST: u8 = 8;
const REPLY: u8 = 0;
/// Bytes of the ICMP header of both.
const ICMP_LEN: usize = 8;
/// Longest frame that is sent.
const FRAME_MAX: usize = ETHERNET_LEN + 1500;
const HOPS: u8 = 64;
/// Offsets in a frame with a plain IPv4 header.
const LEN: usize = 16;
const FRAGMENT: usize = 20;
const HOPS_LEFT: usize = 22;
const PROTOCOL: usize = 23;
const IP_SUM: usize = 24;
const FROM: usize = 26;
const TO: usize = 30;
const ICMP_SUM: usize = TRANSPORT + 2;

/// Answers a credible frame, if it is a request to `own` or a part of one: writes a frame, and says
/// how long it is.
pub fn answer(frame: &[u8], own: Ipv4Address, card: EthernetAddress, into: &mut [u8]) -> Option<usize> {
    let header = frame.get(..TRANSPORT)?;
    let is_ours =
        header[12..14] == credible::IPV4 && header[PROTOCOL] == ICMP && header[TO..] == own.octets();
    let len = ETHERNET_LEN + usize::from(u16::from_be_bytes([header[LEN], header[LEN + 1]]));
    let request = frame.get(..len).filter(|_| is_ours && (TRANSPORT..=FRAME_MAX).contains(&len))?;
    let is_first = header[FRAGMENT] & 0x1F == 0 && header[FRAGMENT + 1] == 0;
    if is_first && (len < TRANSPORT + ICMP_LEN || request[TRANSPORT] != REQUEST) {
        return None;
    }
    let reply = into.get_mut(..len)?;
    reply.copy_from_slice(request);
    reply[..6].copy_from_slice(&request[6..12]);
    reply[6..12].copy_from_slice(card.as_bytes());
    reply[FROM..TO].copy_from_slice(&request[TO..TRANSPORT]);
    reply[TO..TRANSPORT].copy_from_slice(&request[FROM..TO]);
    reply[HOPS_LEFT] = HOPS;
    put_sum(reply, IP_SUM, Sum::ZERO.plus(&without_sum(&reply[ETHERNET_LEN..TRANSPORT])));
    if is_first {
        reply[TRANSPORT] = REPLY;
        let old = u16::from_be_bytes([request[ICMP_SUM], request[ICMP_SUM + 1]]);
        let change =
            Sum::ZERO.add_word(!old).add_word(!(u16::from(REQUEST) << 8)).add_word(u16::from(REPLY) << 8);
        put_sum(reply, ICMP_SUM, change);
    }
    Some(len)
}

/// An IPv4 header as it is summed up.
fn without_sum(header: &[u8]) -> [u8; TRANSPORT - ETHERNET_LEN] {
    let mut bytes = [0; TRANSPORT - ETHERNET_LEN];
    bytes.copy_from_slice(header);
    bytes[IP_SUM - ETHERNET_LEN..][..2].fill(0);
    bytes
}

fn put_sum(frame: &mut [u8], at: usize, sum: Sum) {
    frame[at..at + 2].copy_from_slice(&sum.checksum().to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OWN: Ipv4Address = Ipv4Address::new(10, 77, 0, 1);
    const CARD: EthernetAddress = EthernetAddress([2; 6]);

    /// The frames of a ping with these data, in fragments of 1,480 bytes.
    fn ping(data: &[u8]) -> Vec<Vec<u8>> {
        let mut message = [&[8, 0, 0, 0, 0, 7, 0, 1][..], data].concat();
        let sum = Sum::ZERO.plus(&message).checksum();
        message[2..4].copy_from_slice(&sum.to_be_bytes());
        let parts = message.chunks(1480).enumerate();
        let last = message.len().div_ceil(1480) - 1;
        let frame = |(place, part): (usize, &[u8])| {
            let mut ip = vec![0x45, 0, 0, 0, 0, 9, 0, 0, 64, 1, 0, 0, 10, 77, 0, 8, 10, 77, 0, 1];
            ip[2..4].copy_from_slice(&(20 + part.len() as u16).to_be_bytes());
            let more = if place < last { 0x2000 } else { 0 };
            ip[6..8].copy_from_slice(&(more | (place * 185) as u16).to_be_bytes());
            let sum = Sum::ZERO.plus(&ip).checksum();
            ip[10..12].copy_from_slice(&sum.to_be_bytes());
            [&[2; 6][..], &[4; 6], &[8, 0], &ip, part].concat()
        };
        parts.map(frame).collect()
    }

    fn answered(frame: &[u8]) -> Option<Vec<u8>> {
        let mut into = [0; 1514];
        answer(frame, OWN, CARD, &mut into).map(|len| into[..len].to_vec())
    }

    #[test]
    fn what_is_no_request_to_us_is_not_answered() {
        let good = ping(b"hello").remove(0);
        assert!(answered(&good).is_some());
        for (place, byte) in [(34, 0), (33, 2), (23, 17), (17, 255), (17, 27), (12, 9)] {
            let mut bad = good.clone();
            bad[place] = byte;
            assert_eq!(answered(&bad), None, "{byte} at {place}");
        }
    }

    #[test]
    fn a_damaged_ping_stays_damaged() {
        let mut frame = ping(b"hello").remove(0);
        frame[45] ^= 1;
        let reply = answered(&frame).unwrap();
        assert_ne!(Sum::ZERO.plus(&reply[34..]).checksum(), 0);
    }

    proptest! {
        #[test]
        fn a_ping_of_any_size_is_answered(data in proptest::collection::vec(any::<u8>(), 0..65_508usize)) {
            let mut together = Vec::new();
            for request in ping(&data) {
                let reply = answered(&request).unwrap();
                prop_assert_eq!(Sum::ZERO.plus(&reply[14..34]).checksum(), 0);
                prop_assert_eq!((&reply[..12], &reply[26..34]), (&[[4; 6], [2; 6]].concat()[..], &[10, 77, 0, 1, 10, 77, 0, 8][..]));
                prop_assert_eq!(&reply[14..22], &request[14..22]);
                together.extend_from_slice(&reply[34..]);
            }
            prop_assert_eq!((together[0], Sum::ZERO.plus(&together).checksum()), (0, 0));
            prop_assert_eq!(&together[8..], &data);
        }
    }
}
