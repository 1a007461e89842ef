//! Whether a packet that came for the gateway may be what it says it is.
//!
//! Its sender's address must be one of its port's, and its checksum, if it
//! claims to have one, must be right. What cannot be judged is not heard:
//! headers with options, of which nobody here makes use.
//!
//! Invariants:
//! - A Guest that speaks from another's address is not heard
//!   (`nobody_speaks_to_the_gateway_in_another_s_name`).
//! - Who has no address yet can ask for one, and nothing else
//!   (`who_has_no_address_can_only_ask_for_one`).
//! - A packet with a wrong checksum is not heard (`a_wrong_checksum_is_not_heard`).
//!
//! Source: RFC 826; RFC 1122, 4.1.3.4 and 4.2.2.7 on checksums; RFC 6274, 3.13 "IP Options".
//!
//! Next on the tour: [`super::neighbours`].

use smoltcp::wire::Ipv4Address;

use crate::net::{checksum::Sum, layers::ETHERNET_LEN, queue::Packet, subnet::Subnet};

/// Kind of an Ethernet frame with IPv4 in it.
pub const IPV4: [u8; 2] = [0x08, 0x00];
/// Kind of one with ARP in it.
pub const ARP: [u8; 2] = [0x08, 0x06];
/// Number of TCP in an IPv4 header.
pub const TCP: u8 = 6;
/// Number of UDP.
pub const UDP: u8 = 17;
/// Where an IPv4 header without options ends in a frame.
pub const TRANSPORT: usize = ETHERNET_LEN + 20;
/// First byte of such a header: version and length.
const PLAIN: u8 = 0x45;

/// Whether a packet may be what it says it is.
pub fn is_credible(packet: &Packet<'_>, subnet: Subnet) -> bool {
    speaks_for_itself(packet, subnet)
        && has_sound_header(packet.frame)
        && (packet.offload.checksum.is_some() || is_sound(packet.frame))
}

/// The address a frame says it is from.
pub fn sender(frame: &[u8]) -> Option<Ipv4Address> {
    let place = match frame.get(12..ETHERNET_LEN) {
        Some(kind) if kind == IPV4 && frame.get(ETHERNET_LEN) == Some(&PLAIN) => 26..30,
        Some(kind) if kind == ARP => 28..32,
        _ => return None,
    };
    let &[a, b, c, d] = frame.get(place)? else { return None };
    Some(Ipv4Address::new(a, b, c, d))
}

/// Whether that is one its port may have; none at all may be said by who looks for one.
fn speaks_for_itself(packet: &Packet<'_>, subnet: Subnet) -> bool {
    let frame = packet.frame;
    let Some(address) = sender(frame) else { return false };
    let is_looking = frame[12..ETHERNET_LEN] == ARP || frame.get(23) == Some(&UDP);
    subnet.port_of(address) == Some(packet.sender) || address.is_unspecified() && is_looking
}

/// Whether the header's checksum is right, which nobody leaves to others.
fn has_sound_header(frame: &[u8]) -> bool {
    let is_ipv4 = frame[12..ETHERNET_LEN] == IPV4;
    !is_ipv4
        || frame.get(ETHERNET_LEN..TRANSPORT).is_some_and(|header| Sum::ZERO.plus(header).checksum() == 0)
}

/// Whether its checksum is right, as far as it has one; a frame may be longer than its packet.
fn is_sound(frame: &[u8]) -> bool {
    let Some((kind, offset)) = transport(frame) else {
        return true;
    };
    let len = ETHERNET_LEN + usize::from(u16::from_be_bytes([frame[16], frame[17]]));
    let Some(frame) = frame.get(..len).filter(|frame| transport(frame).is_some()) else {
        return false;
    };
    let at = TRANSPORT + usize::from(offset);
    let has_none = kind == UDP && frame[at..at + 2] == [0, 0];
    has_none || pseudo_header(frame, kind).plus(&frame[TRANSPORT..]).checksum() == 0
}

/// Protocol, and offset of its checksum, of a plain IPv4 packet with TCP or UDP in it.
pub fn transport(frame: &[u8]) -> Option<(u8, u16)> {
    let headers = frame.get(..TRANSPORT + 8)?;
    let is_whole = headers[20] & 0x3F == 0 && headers[21] == 0;
    let is_plain = headers[12..15] == [IPV4[0], IPV4[1], PLAIN] && is_whole;
    match headers[23] {
        TCP if is_plain && frame.len() >= TRANSPORT + 20 => Some((TCP, 16)),
        UDP if is_plain => Some((UDP, 6)),
        _ => None,
    }
}

/// The sum of what TCP and UDP sum up besides themselves: addresses, protocol, length.
pub fn pseudo_header(frame: &[u8], kind: u8) -> Sum {
    let len = frame.len() - TRANSPORT;
    Sum::ZERO.plus(&frame[26..34]).add_word(kind.into()).add_word(len as u16)
}
