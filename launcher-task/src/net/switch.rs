//! A learning switch: the cards of one network, and who gets whose frames.
//!
//! ```text
//!   Guest a --port 1--+            +--port 0-- gateway
//!   Guest b --port 2--+-- switch --+
//!   Guest c --port 3--+            each port: an address, a queue of packets, counters
//! ```
//!
//! A port that has an [`identity`](super::identity) speaks as nobody else; one
//! that has none may say what it likes, and what lies behind it is learned.
//!
//! A frame for a known address goes to its port, a group's to all but its own,
//! and one for an unknown card to the ports it may be behind: the open ones. Nothing is held up for a receiver that does not take its packets: its
//! queue runs full, and what more comes is dropped there and counted.
//!
//! Invariants:
//! - Counters add up: what was sent was refused, or each copy of it was received, dropped or waits
//!   (`every_packet_is_accounted_for`).
//! - A port that is held to it speaks as nobody else (`nobody_speaks_in_another_s_name`).
//! - What is for a card goes to that card, whoever claims its address
//!   (`an_open_port_says_what_it_likes_and_hears_no_more_for_it`).
//! - One port's flood leaves the others room in every queue (`queue.rs`).
//!
//! Source: IEEE 802.1Q-2022, 8 "Principles of bridge operation".
//!
//! Next on the tour: [`super::network`].

use abi::Nanos;
use alloc::{string::String, vec::Vec};

use super::{
    header::Offload,
    identity::Identity,
    layers::ETHERNET_LEN,
    mac::{MAC_LEN, MacAddress},
    queue::{PORTS_MAX, Packet, PacketQueue},
    refusal::{Refusal, Refusals},
    table::Learned,
};

/// What has come of packets at one port.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Packets its card has sent, whatever became of them.
    pub sent: u64,
    /// Those of them that went nowhere, by reason.
    pub refused: Refusals,
    /// Copies made of the others: one for each port they were for.
    pub copies: u64,
    /// Packets its card has received.
    pub received: u64,
    /// Packets that were for it and got lost.
    pub dropped: u64,
}

/// One port.
#[derive(Debug)]
pub struct Port<'a> {
    /// Who is behind it.
    pub name: String,
    /// Its card's address.
    pub address: MacAddress,
    /// What it has counted.
    pub counters: Counters,
    queue: PacketQueue<'a>,
    /// What its card is held to; nothing, if it may say what it likes.
    identity: Option<Identity>,
    learned: Learned,
    /// Somebody is there to take packets.
    is_plugged: bool,
}

/// A switch and its ports.
#[derive(Debug, Default)]
pub struct Switch<'a> {
    ports: Vec<Port<'a>>,
    /// Ports whose queue was empty when a packet came, by number.
    awakened: u32,
}

impl<'a> Switch<'a> {
    /// Adds a port with room for packets, whose card is held to `identity` if it has one; `None` if
    /// there are as many as there can be.
    pub fn add(
        &mut self,
        name: &str,
        address: MacAddress,
        identity: Option<Identity>,
        room: &'a mut [u8],
    ) -> Option<usize> {
        let number = self.ports.len();
        (number < PORTS_MAX).then(|| {
            self.ports.push(Port {
                name: name.into(),
                address,
                counters: Counters::default(),
                queue: PacketQueue::new(room),
                identity,
                learned: Learned::default(),
                is_plugged: true,
            });
            number
        })
    }

    /// Its ports, by number.
    pub fn ports(&self) -> &[Port<'a>] {
        &self.ports
    }

    /// Passes a frame on that came from port `from`, and returns how many copies were made.
    pub fn forward(&mut self, from: usize, offload: Offload, frame: &[u8], now: Nanos) -> usize {
        if let Err(why) = self.judge(from, offload, frame, now) {
            self.refuse(from, why);
            return 0;
        }
        self.ports[from].counters.sent += 1;
        let packet = Packet { sender: from, offload, frame };
        let address = MacAddress::at(frame, 0);
        let copies = match self.port_of(address, now) {
            Some(to) if to == from => 0,
            Some(to) => self.deliver(to, packet),
            None => self.deliver_to_all(address.is_group(), packet),
        };
        self.ports[from].counters.copies += copies as u64;
        copies
    }

    /// Judges a frame of port `from`; of one that may say what it likes, notes who is behind it.
    fn judge(&mut self, from: usize, offload: Offload, frame: &[u8], now: Nanos) -> Result<(), Refusal> {
        if frame.len() < ETHERNET_LEN {
            return Err(Refusal::Malformed);
        }
        if let Some(identity) = &self.ports[from].identity {
            return identity.judge(frame, offload.checksum);
        }
        let address = MacAddress::at(frame, MAC_LEN);
        if !address.is_a_cards() {
            return Err(Refusal::Mac);
        }
        self.learn(from, address, now);
        Ok(())
    }

    /// Notes where `address` speaks from. A card's own address is never moved.
    fn learn(&mut self, from: usize, address: MacAddress, now: Nanos) {
        if self.ports.iter().any(|port| port.address == address) {
            return;
        }
        for (_, port) in self.ports.iter_mut().enumerate().filter(|(number, _)| *number != from) {
            port.learned.forget(address);
        }
        self.ports[from].learned.note(address, now);
    }

    /// The port `address` is behind, if it is one card's and known.
    fn port_of(&self, address: MacAddress, now: Nanos) -> Option<usize> {
        if address.is_group() {
            return None;
        }
        let own = self.ports.iter().position(|port| port.address == address);
        own.or_else(|| self.ports.iter().position(|port| port.learned.knows(address, now)))
    }

    /// Puts a packet into all queues but its sender's: that of a group into each, one for a card that
    /// is not known into those of ports it may be behind.
    fn deliver_to_all(&mut self, is_for_a_group: bool, packet: Packet<'_>) -> usize {
        let may_have_it = |port: &Port<'_>| is_for_a_group || port.is_open();
        (0..self.ports.len())
            .filter(|&to| to != packet.sender)
            .map(|to| if may_have_it(&self.ports[to]) { self.deliver(to, packet) } else { 0 })
            .sum()
    }

    /// Puts a packet into a port's queue, or counts it as lost; one copy either way.
    fn deliver(&mut self, to: usize, packet: Packet<'_>) -> usize {
        let port = &mut self.ports[to];
        let was_empty = port.queue.is_empty();
        if port.is_plugged && port.queue.push(packet) {
            self.awakened |= u32::from(was_empty) << to;
        } else {
            port.counters.dropped += 1;
        }
        1
    }

    /// Counts a packet of port `from` that goes nowhere.
    pub fn refuse(&mut self, from: usize, why: Refusal) {
        let counters = &mut self.ports[from].counters;
        counters.sent += 1;
        counters.refused.count(why);
    }

    /// The packet that is next for port `at`.
    pub fn first(&self, at: usize) -> Option<Packet<'_>> {
        self.ports[at].queue.first()
    }

    /// Takes it out: the card has it, or never will.
    pub fn pop(&mut self, at: usize, is_received: bool) {
        let port = &mut self.ports[at];
        if port.queue.is_empty() {
            return;
        }
        port.queue.pop();
        match is_received {
            true => port.counters.received += 1,
            false => port.counters.dropped += 1,
        }
    }

    /// Empties a port's queue, because its card was reset.
    pub fn clear(&mut self, at: usize) {
        let port = &mut self.ports[at];
        port.counters.dropped += u64::from(port.queue.clear());
        port.learned.clear();
    }

    /// Pulls a port's plug: nobody is there any more.
    pub fn unplug(&mut self, at: usize) {
        self.clear(at);
        self.ports[at].is_plugged = false;
    }

    /// Tells of each port whose packets were taken out for port `at` since the last call, and what
    /// that cost.
    pub fn take_work(&mut self, at: usize, tell: impl FnMut(usize, u32)) {
        self.ports[at].queue.take_work(tell);
    }

    /// The ports something has come for since the last call, as bits.
    pub const fn take_awakened(&mut self) -> u32 {
        core::mem::replace(&mut self.awakened, 0)
    }
}

impl Port<'_> {
    /// Whether its card may say what it likes.
    pub const fn is_open(&self) -> bool {
        self.identity.is_none()
    }

    /// Whether somebody is there to take packets.
    pub const fn is_plugged(&self) -> bool {
        self.is_plugged
    }

    /// Packets that wait for it.
    pub const fn waiting(&self) -> u32 {
        self.queue.len()
    }
}

#[cfg(test)]
mod tests;
