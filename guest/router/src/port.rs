//! One card of the router: its address on that network, and who is there.
//!
//! A packet for somebody whose card is not known yet waits, the newest only, while everybody is asked.
//!
//! Next on the tour: [`crate::tap`].

use kit::hypercall::halt;
use kit::lan::{Host, Nic as _, Wire};
use kit::net::Card;
use kit::{Nanos, println};
use smoltcp::wire::{IpCidr, Ipv4Address, Ipv4Cidr};

use crate::tap::{Packet, Tap};

/// How long to wait for an address.
const PATIENCE: Nanos = Nanos::from_millis(2000);

/// One card.
pub struct Port {
    number: usize,
    host: Host<Tap>,
    address: Ipv4Cidr,
    /// A packet for somebody who has not said where he is.
    waiting: Option<Packet>,
}

impl Port {
    /// Starts card `number` and asks for an address; `None` if there is no such card, or no address.
    pub fn start(number: usize) -> Option<Self> {
        let card = Card::start(number, 0)?;
        let mut host = Host::on(Tap::on(Wire(card)), PATIENCE, halt);
        host.ask_for_address();
        let own = host.stack.ip_addrs().iter().map(|IpCidr::Ipv4(address)| *address).next();
        let Some(address) = own else {
            println!("card {number}: nobody gives it an address");
            return None;
        };
        host.wire.own = Some(address.address());
        Some(Self { number, host, address, waiting: None })
    }

    /// Which card it is, from 0.
    pub const fn number(&self) -> usize {
        self.number
    }

    /// Its address and how much of that is the network's.
    pub const fn address(&self) -> Ipv4Cidr {
        self.address
    }

    /// Whether that address is on this network, and somebody else's.
    pub fn leads_to(&self, address: Ipv4Address) -> bool {
        self.address.contains_addr(&address) && address != self.address.address()
    }

    /// Answers what is for the router itself, sets aside what is for others, and sends what waits.
    pub fn listen(&mut self) {
        self.host.listen();
        let tap = &mut self.host.wire;
        if let Some(packet) = self.waiting.take_if(|packet| tap.neighbour(packet.destination()).is_some()) {
            self.send(&packet);
        }
    }

    /// The next packet for others.
    pub fn take(&mut self) -> Option<Packet> {
        self.host.wire.passing.pop_front()
    }

    /// Sends a packet that has come by another card.
    pub fn pass_on(&mut self, packet: Packet) {
        let Some(packet) = packet.one_step_on() else {
            return println!("a packet has gone too far: I drop it");
        };
        self.send(&packet);
        if self.host.wire.neighbour(packet.destination()).is_none() {
            self.waiting = Some(packet);
        }
    }

    /// Sends a packet, or asks where it shall go.
    fn send(&mut self, packet: &Packet) {
        let tap = &mut self.host.wire;
        match tap.neighbour(packet.destination()) {
            Some(mac) => tap.send(mac, packet),
            None => tap.ask_for(packet.destination()),
        }
        tap.kick();
    }
}
