//! The gateway: what a Guest finds on its network without any set-up.
//!
//! It is the card on port 0 of each switch, with an IP stack behind it. There
//! is no way through it to anywhere: it answers.
//!
//! ```text
//!   switch port 0 --> credible? --ARP, ping, UDP--> an answer, and nothing kept
//!                               '-----------------> wire --> smoltcp: TCP --> services
//! ```
//!
//! It runs in the Host's loop, between the Guests' turns, and does a bounded
//! amount of work in each: so many packets in, each socket once.
//!
//! Invariants:
//! - A turn takes at most [`PACKETS_PER_TURN`] packets, each of them judged
//!   (`a_turn_takes_a_bounded_number_of_packets`, `behind_many_lies_a_lie_is_not_heard`).
//! - A Guest that floods it is not answered more often than others are heard: the packets it sends
//!   too many are lost in its own share of the queue ([`super::queue`]).
//! - A Guest takes neither sockets nor buffers from another ([`connections`], [`datagrams`]).
//!
//! Source: `smoltcp`; lguest ABI has no such thing.
//!
//! Next on the tour: [`credible`].

pub mod connections;
pub mod credible;
pub mod datagrams;
pub mod dhcp;
pub mod dns;
pub mod http;
pub mod neighbours;
pub mod page;
pub mod ping;
pub mod service;
pub mod wire;

#[cfg(test)]
mod tests;

use abi::Nanos;
use smoltcp::iface::{Config, Interface};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, HardwareAddress, Ipv4Address};

use super::{
    device::PACKETS_PER_STEP,
    header::Offload,
    mac::MacAddress,
    queue::Packet,
    relay::{GATEWAY, Relay},
    room::Room,
    subnet::Subnet,
    switch::Switch,
};
use connections::{Connections, Shelf};
use datagrams::{Datagram, wrap};
use dhcp::{Asker, Leases};
use neighbours::Neighbours;
use page::{About, Page};
use wire::{Hands, Wire};

/// Packets one turn takes: as many as a Guest may send in the step before it.
pub const PACKETS_PER_TURN: usize = PACKETS_PER_STEP;

/// The gateway of one network.
pub struct Gateway<'a> {
    stack: Interface,
    connections: Connections<'a>,
    neighbours: Neighbours,
    leases: Leases,
    /// When it has something to do again, though nothing comes.
    due: Nanos,
}

/// What is to be done with a packet.
enum Judgement {
    /// It was heard, and this many bytes are the answer.
    Answered(usize),
    /// It is nothing that is heard.
    Dropped,
    /// The stack is to hear it.
    ForTheStack,
}

impl<'a> Gateway<'a> {
    /// A gateway with this address and these of its network, for so many cards. Its sockets live on
    /// `shelf`, their bytes in `room`: [`Connections::ROOM`] for each card. `seed` is what its
    /// sequence numbers are made of, which nobody should be able to foresee.
    pub fn new(
        address: MacAddress,
        subnet: Subnet,
        cards: usize,
        seed: u64,
        room: &mut Room<'a>,
        shelf: &'a mut Shelf<'a>,
    ) -> Self {
        let own = EthernetAddress(address.0);
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = seed;
        let mut stack = Interface::new(config, &mut Silence, Instant::ZERO);
        stack.update_ip_addrs(|addresses| {
            addresses.push(subnet.gateway().into()).expect("the first of one or more");
        });
        let connections = Connections::new(subnet, cards, room, shelf);
        let (neighbours, leases) = (Neighbours::new(own, subnet), Leases::new(subnet, own, cards));
        Self { stack, connections, neighbours, leases, due: Nanos(0) }
    }

    /// The addresses of its network.
    pub const fn subnet(&self) -> Subnet {
        self.neighbours.subnet
    }

    /// When it wants a turn, though nothing comes for it.
    pub const fn due(&self) -> Nanos {
        self.due
    }

    /// Takes a turn: hears what has come, serves, answers.
    pub fn turn(&mut self, relay: &mut Relay<'a>, hands: &mut Hands<'_>, now: Nanos, about: &About<'_>) {
        let time = Instant::from_micros((now.0 / 1000) as i64);
        for _ in 0..PACKETS_PER_TURN {
            let Some(packet) = relay.switch.first(GATEWAY) else { break };
            match self.judge(&packet, &relay.switch, hands.outgoing, now) {
                Judgement::Dropped => relay.switch.pop(GATEWAY, false),
                Judgement::Answered(len) => {
                    relay.switch.pop(GATEWAY, true);
                    if let Some(frame) = hands.outgoing.get(..len).filter(|frame| !frame.is_empty()) {
                        relay.forward(GATEWAY, Offload::NONE, frame, now);
                    }
                }
                Judgement::ForTheStack => {
                    let mut wire = Wire::new(relay, &self.neighbours, hands, now);
                    self.stack.poll_ingress_single(time, &mut wire, &mut self.connections.sockets);
                }
            }
        }
        self.serve(relay, hands, now, about);
        let mut wire = Wire::new(relay, &self.neighbours, hands, now);
        self.stack.poll_egress(time, &mut wire, &mut self.connections.sockets);
        self.connections.reopen();
        self.serve(relay, hands, now, about);
        self.due = self.next_due(time, now);
    }

    /// Does what can be done now on each connection.
    fn serve(&mut self, relay: &Relay<'_>, hands: &mut Hands<'_>, now: Nanos, about: &About<'_>) {
        let mut page = Page { about, switch: &relay.switch, subnet: self.subnet(), room: hands.outgoing };
        self.connections.serve(now, &mut page);
    }

    /// Judges a packet, and answers what needs no stack.
    fn judge(
        &mut self,
        packet: &Packet<'_>,
        switch: &Switch<'_>,
        answer: &mut [u8],
        now: Nanos,
    ) -> Judgement {
        let frame = packet.frame;
        if !self.is_for_us(frame) || !credible::is_credible(packet, self.subnet()) {
            return Judgement::Dropped;
        }
        self.neighbours.note(frame);
        if frame[12..14] == credible::ARP {
            return Judgement::Answered(self.neighbours.answer(frame, answer).unwrap_or(0));
        }
        let is_whole = packet.offload.checksum.is_none();
        if is_whole
            && let Some(len) =
                ping::answer(frame, self.subnet().gateway().address(), self.neighbours.own, answer)
        {
            return Judgement::Answered(len);
        }
        if let Some(datagram) = Datagram::parse(frame)
            && let Some(len) = self.answer(&datagram, packet.sender, switch, now, answer)
        {
            return Judgement::Answered(len);
        }
        match self.connections.admit(frame, packet.sender, now) {
            true => Judgement::ForTheStack,
            false => Judgement::Dropped,
        }
    }

    /// Whether a frame is for this card, or for all.
    fn is_for_us(&self, frame: &[u8]) -> bool {
        let to = frame.get(..6);
        to == Some(&self.neighbours.own.0) || to == Some(&EthernetAddress::BROADCAST.0)
    }

    /// Answers a datagram, if its port is one that is answered here: says how long the frame is, 0 if
    /// there is none.
    fn answer(
        &mut self,
        datagram: &Datagram<'_>,
        from: usize,
        switch: &Switch<'_>,
        now: Nanos,
        into: &mut [u8],
    ) -> Option<usize> {
        let Datagram { to, content, .. } = datagram;
        if to.port == dhcp::PORT {
            let port = &switch.ports()[from];
            let asker = Asker { port: from, card: EthernetAddress(port.address.0), is_open: port.is_open() };
            let is_anothers =
                |card: EthernetAddress| switch.ports().iter().any(|port| port.address.0 == card.0);
            return Some(self.leases.answer(datagram, asker, is_anothers, now, into).unwrap_or(0));
        }
        if to.address != self.subnet().gateway().address() {
            return None;
        }
        let back = |len, content: &[u8], into: &mut [u8]| {
            wrap(*to, datagram.from, len, |room| room.copy_from_slice(&content[..len]), into).unwrap_or(0)
        };
        match to.port {
            datagrams::ECHO => Some(back(content.len(), content, into)),
            datagrams::DISCARD => Some(0),
            datagrams::NAMES => {
                let names = Named { switch, subnet: self.subnet() };
                Some(dns::answer(content, &names).map_or(0, |said| back(said.len(), &said, into)))
            }
            _ => None,
        }
    }

    fn next_due(&mut self, time: Instant, now: Nanos) -> Nanos {
        let stack = self.stack.poll_at(time, &self.connections.sockets);
        let stack = stack.map_or(Nanos::NEVER, |at| Nanos((at.total_micros() as u64).saturating_mul(1000)));
        self.connections.due().min(stack).max(now)
    }
}

/// Those on a network, by name and address.
struct Named<'n, 'a> {
    switch: &'n Switch<'a>,
    subnet: Subnet,
}

impl dns::Names for Named<'_, '_> {
    fn address_of(&self, name: &[u8]) -> Option<Ipv4Address> {
        let is_it = |called: &str| called.as_bytes().eq_ignore_ascii_case(name);
        let port = self.switch.ports().iter().position(|port| is_it(&port.name))?;
        Some(self.subnet.of(port))
    }

    fn name_of(&self, address: Ipv4Address) -> Option<&str> {
        let ports = self.switch.ports().iter().enumerate();
        ports.into_iter().find(|(port, _)| self.subnet.of(*port) == address).map(|(_, port)| &*port.name)
    }

    fn is_ours(&self, address: Ipv4Address) -> bool {
        self.subnet.gateway().contains_addr(&address)
    }
}

/// A card that is not there yet: the stack only wants to know what it will be like.
struct Silence;

impl smoltcp::phy::Device for Silence {
    type RxToken<'t> = wire::Incoming<'t>;
    type TxToken<'t> = wire::Outgoing<'t, 't>;

    fn receive(&mut self, _: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        None
    }

    fn transmit(&mut self, _: Instant) -> Option<Self::TxToken<'_>> {
        None
    }

    fn capabilities(&self) -> smoltcp::phy::DeviceCapabilities {
        wire::capabilities()
    }
}
