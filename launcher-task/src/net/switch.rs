//! A learning switch: the cards of one network, and who gets whose frames.
//!
//! ```text
//!   Guest a --port 1--+            +--port 0-- gateway
//!   Guest b --port 2--+-- switch --+
//!   Guest c --port 3--+            each port: an address, a queue of packets, counters
//! ```
//!
//! A frame for a known address goes to its port, any other to all but its
//! own. Nothing is held up for a receiver that does not take its packets: its
//! queue runs full, and what more comes is dropped there and counted.
//!
//! Invariants:
//! - Counters add up: what was sent was refused, or each copy of it was received, dropped or waits
//!   (`every_packet_is_accounted_for`).
//! - A card's address cannot be taken by another port (`nobody_speaks_in_another_s_name`).
//! - One port's flood leaves the others room in every queue (`queue.rs`).
//!
//! Source: IEEE 802.1Q-2022, 8 "Principles of bridge operation".
//!
//! Next on the tour: [`super::network`].

use abi::Nanos;
use alloc::{string::String, vec::Vec};

use super::{
    header::Offload,
    headers::ETHERNET_LEN,
    mac::{MAC_LEN, MacAddress},
    queue::{PORTS_MAX, Packet, PacketQueue},
    table::Learned,
};

/// What has come of packets at one port.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Packets its card has sent, whatever became of them.
    pub sent: u64,
    /// Those of them that went nowhere: malformed, or in another's name.
    pub refused: u64,
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
    /// Adds a port with room for packets; `None` if there are as many as there can be.
    pub fn add(&mut self, name: &str, address: MacAddress, room: &'a mut [u8]) -> Option<usize> {
        let number = self.ports.len();
        (number < PORTS_MAX).then(|| {
            self.ports.push(Port {
                name: name.into(),
                address,
                counters: Counters::default(),
                queue: PacketQueue::new(room),
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
        self.ports[from].counters.sent += 1;
        if frame.len() < ETHERNET_LEN || !self.learn(from, MacAddress::at(frame, MAC_LEN), now) {
            self.ports[from].counters.refused += 1;
            return 0;
        }
        let packet = Packet { sender: from, offload, frame };
        let copies = match self.port_of(MacAddress::at(frame, 0), now) {
            Some(to) if to == from => 0,
            Some(to) => self.deliver(to, packet),
            None => (0..self.ports.len()).filter(|&to| to != from).map(|to| self.deliver(to, packet)).sum(),
        };
        self.ports[from].counters.copies += copies as u64;
        copies
    }

    /// Notes where `address` speaks from; `false` if it has no right to.
    fn learn(&mut self, from: usize, address: MacAddress, now: Nanos) -> bool {
        if self.ports[from].address == address {
            return true;
        }
        if !address.is_a_cards() || self.ports.iter().any(|port| port.address == address) {
            return false;
        }
        for (_, port) in self.ports.iter_mut().enumerate().filter(|(number, _)| *number != from) {
            port.learned.forget(address);
        }
        self.ports[from].learned.note(address, now);
        true
    }

    /// The port `address` is behind, if it is one card's and known.
    fn port_of(&self, address: MacAddress, now: Nanos) -> Option<usize> {
        if address.is_group() {
            return None;
        }
        let own = self.ports.iter().position(|port| port.address == address);
        own.or_else(|| self.ports.iter().position(|port| port.learned.knows(address, now)))
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

    /// Counts a packet of port `from` that is not even a frame.
    pub fn refuse(&mut self, from: usize) {
        let counters = &mut self.ports[from].counters;
        counters.sent += 1;
        counters.refused += 1;
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

    /// The ports something has come for since the last call, as bits.
    pub const fn take_awakened(&mut self) -> u32 {
        core::mem::replace(&mut self.awakened, 0)
    }
}

impl Port<'_> {
    /// Packets that wait for it.
    pub const fn waiting(&self) -> u32 {
        self.queue.len()
    }
}

#[cfg(test)]
mod tests;
