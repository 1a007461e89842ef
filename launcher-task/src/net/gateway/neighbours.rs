//! Who is behind which address, and the gateway's word to those who ask where it is.
//!
//! The gateway never begins to speak, so it never has to ask who has an
//! address: whoever spoke to it has said so, and where that can be a lie the
//! packet was not heard. Each address has a place of its own, so nobody is
//! forgotten because others are many.
//!
//! ```text
//!   frame from 02:..:64:1b, 10.77.0.8  -->  [8] = 02:..:64:1b  -->  answers to 10.77.0.8
//! ```
//!
//! Invariants: only a port's own addresses are noted for it (`credible.rs`, which comes first).
//!
//! Source: RFC 826, "Packet Reception".
//!
//! Next on the tour: [`super::ping`].

use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr,
    Ipv4Address,
};

use super::credible::sender;
use crate::net::subnet::Subnet;

/// An address nobody has.
const NOBODY: EthernetAddress = EthernetAddress([0; 6]);

/// The gateway's own addresses, and the cards' behind all others.
#[derive(Debug)]
pub struct Neighbours {
    /// Its card's.
    pub own: EthernetAddress,
    /// The network's.
    pub subnet: Subnet,
    /// By the last byte of the IP address.
    cards: [EthernetAddress; 256],
}

impl Neighbours {
    /// None yet.
    pub const fn new(own: EthernetAddress, subnet: Subnet) -> Self {
        Self { own, subnet, cards: [NOBODY; 256] }
    }

    /// Notes who sent a frame that is credible.
    pub fn note(&mut self, frame: &[u8]) {
        if let (Some(address), Some(card)) = (sender(frame), frame.get(6..12))
            && self.subnet.port_of(address).is_some()
        {
            self.cards[usize::from(address.octets()[3])] = EthernetAddress::from_bytes(card);
        }
    }

    /// The card behind an address, if it has ever spoken.
    pub fn card_of(&self, address: Ipv4Address) -> Option<EthernetAddress> {
        self.subnet.port_of(address)?;
        Some(self.cards[usize::from(address.octets()[3])]).filter(|&card| card != NOBODY)
    }

    /// Writes the answer to an ARP request for the gateway; says how long it is.
    pub fn answer(&self, frame: &[u8], into: &mut [u8]) -> Option<usize> {
        let ethernet = EthernetFrame::new_checked(frame).ok()?;
        let request = ArpRepr::parse(&ArpPacket::new_checked(ethernet.payload()).ok()?).ok()?;
        let ArpRepr::EthernetIpv4 { operation, source_protocol_addr: whose, target_protocol_addr, .. } =
            request
        else {
            return None;
        };
        let (own, asker) = (self.subnet.gateway().address(), ethernet.src_addr());
        if operation != ArpOperation::Request || target_protocol_addr != own {
            return None;
        }
        let answer = ArpRepr::EthernetIpv4 {
            operation: ArpOperation::Reply,
            source_hardware_addr: self.own,
            source_protocol_addr: own,
            target_hardware_addr: asker,
            target_protocol_addr: whose,
        };
        let ethernet = EthernetRepr { src_addr: self.own, dst_addr: asker, ethertype: EthernetProtocol::Arp };
        let len = ethernet.buffer_len() + answer.buffer_len();
        let mut frame = EthernetFrame::new_unchecked(into.get_mut(..len)?);
        ethernet.emit(&mut frame);
        answer.emit(&mut ArpPacket::new_unchecked(frame.payload_mut()));
        Some(len)
    }
}
