//! A card whose frames go two ways: those for the router itself to its IP stack, those for others aside.
//!
//! It also learns from ARP, which it lets pass, who is there.
//!
//! Next on the tour: `docs/guests.md`.

use heapless::{Deque, Vec};
use kit::lan::{Came, Nic, Wire};
use kit::net::FRAME_MAX;
use smoltcp::phy::{Device, DeviceCapabilities};
use smoltcp::time::Instant;
use smoltcp::wire::{
    ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, Ipv4Address, Ipv4Packet,
};

/// Packets taken off the card to be passed on; the others wait in its ring.
const PASSING_MAX: usize = 4;
/// Neighbours that are known; a network has no more cards.
const NEIGHBOURS_MAX: usize = 31;
/// Bytes of an Ethernet header.
const HEADER: usize = 14;
/// Bytes of the longest packet in a frame.
const PACKET_MAX: usize = 1500;

/// An IPv4 packet on its way, whose header was looked at.
pub struct Packet {
    bytes: Vec<u8, PACKET_MAX>,
}

impl Packet {
    /// Copies a packet, if it is one.
    fn admit(bytes: &[u8]) -> Option<Self> {
        let len = usize::from(Ipv4Packet::new_checked(bytes).ok()?.total_len());
        let bytes = Vec::from_slice(bytes.get(..len)?).ok()?;
        Some(Self { bytes })
    }

    /// Where it shall go.
    pub fn destination(&self) -> Ipv4Address {
        Ipv4Packet::new_unchecked(&self.bytes[..]).dst_addr()
    }

    /// Takes one from the steps it may still go; `None` if that was the last.
    pub fn one_step_on(mut self) -> Option<Self> {
        let mut packet = Ipv4Packet::new_unchecked(&mut self.bytes[..]);
        let left = packet.hop_limit().checked_sub(1).filter(|left| *left > 0)?;
        packet.set_hop_limit(left);
        packet.fill_checksum();
        Some(self)
    }
}

/// The card.
pub struct Tap {
    wire: Wire,
    /// The address of the router here, once there is one.
    pub own: Option<Ipv4Address>,
    /// Packets for others, which have come.
    pub passing: Deque<Packet, PASSING_MAX>,
    neighbours: Vec<(Ipv4Address, EthernetAddress), NEIGHBOURS_MAX>,
}

impl Tap {
    /// A card nobody has spoken on.
    pub fn on(wire: Wire) -> Self {
        Self { wire, own: None, passing: Deque::new(), neighbours: Vec::new() }
    }

    /// Who has that address, if that is known.
    pub fn neighbour(&self, address: Ipv4Address) -> Option<EthernetAddress> {
        self.neighbours.iter().find(|(other, _)| *other == address).map(|(_, mac)| *mac)
    }

    /// Sends a packet to a neighbour.
    pub fn send(&mut self, to: EthernetAddress, packet: &Packet) {
        self.send_frame(to, EthernetProtocol::Ipv4, packet.bytes.len(), |payload| {
            payload.copy_from_slice(&packet.bytes);
        });
    }

    /// Asks everybody who has that address.
    pub fn ask_for(&mut self, address: Ipv4Address) {
        let Some(own) = self.own else { return };
        let question = ArpRepr::EthernetIpv4 {
            operation: smoltcp::wire::ArpOperation::Request,
            source_hardware_addr: EthernetAddress(self.mac()),
            source_protocol_addr: own,
            target_hardware_addr: EthernetAddress([0; 6]),
            target_protocol_addr: address,
        };
        self.send_frame(
            EthernetAddress::BROADCAST,
            EthernetProtocol::Arp,
            question.buffer_len(),
            |payload| {
                question.emit(&mut ArpPacket::new_unchecked(payload));
            },
        );
    }

    fn send_frame(
        &mut self,
        to: EthernetAddress,
        kind: EthernetProtocol,
        len: usize,
        write: impl FnOnce(&mut [u8]),
    ) {
        let mut bytes = [0; HEADER + PACKET_MAX];
        let bytes = &mut bytes[..HEADER + len];
        let mut frame = EthernetFrame::new_unchecked(&mut *bytes);
        frame.set_dst_addr(to);
        frame.set_src_addr(EthernetAddress(self.mac()));
        frame.set_ethertype(kind);
        write(frame.payload_mut());
        while !self.wire.0.send(kit::net::PLAIN, bytes) {
            self.wire.kick();
        }
    }

    /// Keeps what is for others, and learns; `true` if the frame is the stack's.
    fn is_for_stack(&mut self, bytes: &[u8]) -> bool {
        let Ok(frame) = EthernetFrame::new_checked(bytes) else { return false };
        if frame.ethertype() == EthernetProtocol::Arp {
            self.learn(frame.payload());
        }
        let is_mine = frame.dst_addr() == EthernetAddress(self.mac());
        if !is_mine || frame.ethertype() != EthernetProtocol::Ipv4 || self.own.is_none() {
            return true;
        }
        let Some(packet) = Packet::admit(frame.payload()) else { return false };
        if Some(packet.destination()) == self.own {
            return true;
        }
        drop(self.passing.push_back(packet));
        false
    }

    fn learn(&mut self, arp: &[u8]) {
        let message = ArpPacket::new_checked(arp).and_then(|packet| ArpRepr::parse(&packet));
        let Ok(ArpRepr::EthernetIpv4 { source_hardware_addr: mac, source_protocol_addr: address, .. }) =
            message
        else {
            return;
        };
        match self.neighbours.iter_mut().find(|(other, _)| *other == address) {
            Some(known) => known.1 = mac,
            None => drop(self.neighbours.push((address, mac))),
        }
    }
}

impl Device for Tap {
    type RxToken<'a> = Came;
    type TxToken<'a> = <Wire as Device>::TxToken<'a>;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let mut bytes = [0; FRAME_MAX];
        while !self.passing.is_full() {
            let (_, len) = self.wire.0.receive(&mut bytes)?;
            if self.is_for_stack(&bytes[..len]) {
                return Some((Came::copy(&bytes[..len]), self.wire.transmit(now)?));
            }
        }
        None
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        self.wire.transmit(now)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.wire.capabilities()
    }
}

impl Nic for Tap {
    fn mac(&self) -> [u8; 6] {
        self.wire.mac()
    }

    fn kick(&mut self) {
        self.wire.kick();
    }
}
