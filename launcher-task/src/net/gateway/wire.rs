//! The gateway's card, as the IP stack sees it: IP packets in and out.
//!
//! Ethernet is looked after here. What comes in has been judged, and may still
//! lack its checksum or be larger than any wire carries, for nothing can have
//! happened to it on the way. What goes out leaves its checksum to the receiver
//! as well, and goes to the card that is known to be behind its address.
//!
//! Source: `smoltcp::phy`.
//!
//! Next on the tour: [`super::connections`].

use abi::Nanos;
use smoltcp::phy::{Checksum, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetFrame, EthernetProtocol, EthernetRepr, Ipv4Address};

use super::{
    credible::{TRANSPORT, pseudo_header, transport},
    neighbours::Neighbours,
};
use crate::net::{
    header::Offload,
    layers::ETHERNET_LEN,
    relay::{GATEWAY, Relay},
    unfinished::Unfinished,
};

/// Room for the packet in hand and the one in answer to it, shared by all gateways.
pub struct Hands<'h> {
    /// For what came.
    pub incoming: &'h mut [u8],
    /// For what goes.
    pub outgoing: &'h mut [u8],
}

/// Bytes of the longest IP packet it sends.
const MTU: usize = 1500;

/// The port, the packet in hand, and room for one that goes out.
pub struct Wire<'w, 'a> {
    /// The switch it is on.
    pub relay: &'w mut Relay<'a>,
    /// Who is where.
    pub neighbours: &'w Neighbours,
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
    neighbours: &'t Neighbours,
    room: &'t mut [u8],
    now: Nanos,
}

impl<'w, 'a> Wire<'w, 'a> {
    /// The gateway's card on `relay`.
    pub const fn new(
        relay: &'w mut Relay<'a>,
        neighbours: &'w Neighbours,
        hands: &'w mut Hands<'_>,
        now: Nanos,
    ) -> Self {
        Self { relay, neighbours, incoming: hands.incoming, outgoing: hands.outgoing, now }
    }
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
        let packet = self.relay.switch.first(GATEWAY)?.frame.get(ETHERNET_LEN..)?;
        let len = packet.len();
        self.incoming[..len].copy_from_slice(packet);
        self.relay.switch.pop(GATEWAY, true);
        let Self { relay, neighbours, incoming, outgoing, now } = self;
        Some((Incoming(&incoming[..len]), Outgoing { relay, neighbours, room: outgoing, now: *now }))
    }

    fn transmit(&mut self, _: Instant) -> Option<Outgoing<'_, 'a>> {
        let Self { relay, neighbours, outgoing, now, .. } = self;
        Some(Outgoing { relay, neighbours, room: outgoing, now: *now })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        capabilities()
    }
}

/// What the card can do; checksums of TCP and UDP are looked after here.
pub fn capabilities() -> DeviceCapabilities {
    let mut capabilities = DeviceCapabilities::default();
    capabilities.medium = Medium::Ip;
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
        let frame = &mut self.room[..ETHERNET_LEN + len];
        let result = write(&mut frame[ETHERNET_LEN..]);
        let to = Ipv4Address::new(frame[30], frame[31], frame[32], frame[33]);
        // The stack answers, and an answer goes to somebody who has spoken.
        let Some(card) = self.neighbours.card_of(to) else { return result };
        let ethertype = EthernetProtocol::Ipv4;
        let ethernet = EthernetRepr { src_addr: self.neighbours.own, dst_addr: card, ethertype };
        ethernet.emit(&mut EthernetFrame::new_unchecked(&mut *frame));
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
