//! The gateway's card: port 0 of the switch, as the IP stack sees it.
//!
//! It is a card like a Guest's. What comes in may still lack its checksum or
//! be larger than any wire carries, for nothing can have happened to it on the
//! way; what goes out leaves its checksum to the receiver as well.
//!
//! Before the stack sees a packet, it is made sure that it is no lie: its
//! sender's address is one of its port's, and its checksum, if it claims to
//! have one, is right.
//!
//! Invariants:
//! - A Guest that speaks from another's address is not heard
//!   (`nobody_speaks_to_the_gateway_in_another_s_name`).
//! - A packet with a wrong checksum is not heard (`a_wrong_checksum_is_not_heard`).
//!
//! Source: RFC 826; RFC 1122, 4.1.3.4 and 4.2.2.7 on checksums.
//!
//! Next on the tour: [`super::service`].

use abi::Nanos;
use smoltcp::phy::{Checksum, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::Ipv4Address;

use crate::net::{
    checksum::Sum,
    header::{Offload, Unfinished},
    headers::ETHERNET_LEN,
    network::Relay,
    queue::Packet,
    subnet::Subnet,
};

/// Number of the gateway's port.
pub const GATEWAY: usize = 0;
/// Bytes of the longest frame it sends.
const MTU: usize = ETHERNET_LEN + 1500;

const IPV4: [u8; 2] = [0x08, 0x00];
const ARP: [u8; 2] = [0x08, 0x06];
/// Where a plain IPv4 header ends in a frame.
const TRANSPORT: usize = ETHERNET_LEN + 20;
const TCP: u8 = 6;
const UDP: u8 = 17;

/// The port, the packet in hand, and room for one that goes out.
pub struct Wire<'w, 'a> {
    /// The switch it is on.
    pub relay: &'w mut Relay<'a>,
    /// Room for a packet that came.
    pub incoming: &'w mut [u8],
    /// Room for one that goes.
    pub outgoing: &'w mut [u8],
    /// What time it is.
    pub now: Nanos,
}

/// A packet that has come.
pub struct Incoming<'t>(&'t [u8]);

/// A packet about to go.
pub struct Outgoing<'t, 'a> {
    relay: &'t mut Relay<'a>,
    room: &'t mut [u8],
    now: Nanos,
}

impl<'a> Device for Wire<'_, 'a> {
    type RxToken<'t>
        = Incoming<'t>
    where
        Self: 't;
    type TxToken<'t>
        = Outgoing<'t, 'a>
    where
        Self: 't;

    fn receive(&mut self, _: Instant) -> Option<(Incoming<'_>, Outgoing<'_, 'a>)> {
        let packet = self.relay.switch.first(GATEWAY)?;
        let len = packet.frame.len();
        self.incoming[..len].copy_from_slice(packet.frame);
        self.relay.switch.pop(GATEWAY, true);
        let Self { relay, incoming, outgoing, now } = self;
        Some((Incoming(&incoming[..len]), Outgoing { relay, room: outgoing, now: *now }))
    }

    fn transmit(&mut self, _: Instant) -> Option<Outgoing<'_, 'a>> {
        Some(Outgoing { relay: self.relay, room: self.outgoing, now: self.now })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        capabilities()
    }
}

/// What the card can do; checksums of TCP and UDP are looked after here.
pub fn capabilities() -> DeviceCapabilities {
    let mut capabilities = DeviceCapabilities::default();
    capabilities.medium = Medium::Ethernet;
    capabilities.max_transmission_unit = MTU;
    (capabilities.checksum.tcp, capabilities.checksum.udp) = (Checksum::None, Checksum::None);
    capabilities
}

impl RxToken for Incoming<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, hear: F) -> R {
        hear(self.0)
    }
}

impl TxToken for Outgoing<'_, '_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let frame = &mut self.room[..len];
        let result = write(frame);
        let offload = Offload { checksum: leave_checksum(frame), large: None };
        self.relay.forward(GATEWAY, offload, frame, self.now);
        result
    }
}

/// Leaves the checksum of a TCP or UDP packet to its receiver.
fn leave_checksum(frame: &mut [u8]) -> Option<Unfinished> {
    let (kind, offset) = transport(frame)?;
    let sum = pseudo_header(frame, kind).folded();
    let at = TRANSPORT + usize::from(offset);
    frame.get_mut(at..at + 2)?.copy_from_slice(&sum.to_be_bytes());
    Some(Unfinished { start: TRANSPORT as u16, offset })
}

/// Protocol, and offset of its checksum, of a plain IPv4 packet with TCP or UDP in it.
fn transport(frame: &[u8]) -> Option<(u8, u16)> {
    let headers = frame.get(..TRANSPORT + 8)?;
    let is_whole = headers[20] & 0x3F == 0 && headers[21] == 0;
    let is_plain = headers[12..15] == [IPV4[0], IPV4[1], 0x45] && is_whole;
    match headers[23] {
        TCP if is_plain && frame.len() >= TRANSPORT + 20 => Some((TCP, 16)),
        UDP if is_plain => Some((UDP, 6)),
        _ => None,
    }
}

fn pseudo_header(frame: &[u8], kind: u8) -> Sum {
    let len = frame.len() - TRANSPORT;
    Sum::ZERO.plus(&frame[26..34]).add_word(kind.into()).add_word(len as u16)
}

/// Whether a packet may be what it says it is.
pub fn is_credible(packet: &Packet<'_>, subnet: Subnet) -> bool {
    speaks_for_itself(packet, subnet) && (packet.offload.checksum.is_some() || is_sound(packet.frame))
}

/// Whether the sender's address is one its port may have, or none at all.
fn speaks_for_itself(packet: &Packet<'_>, subnet: Subnet) -> bool {
    let frame = packet.frame;
    let place = match frame.get(12..ETHERNET_LEN) {
        Some(kind) if kind == IPV4 => 26..30,
        Some(kind) if kind == ARP => 28..32,
        _ => return false,
    };
    let Some(&[a, b, c, d]) = frame.get(place) else {
        return false;
    };
    let address = Ipv4Address::new(a, b, c, d);
    address.is_unspecified() || subnet.belongs_to(packet.sender, address)
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
