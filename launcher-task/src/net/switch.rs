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
mod tests {
    use super::*;
    use crate::net::table::AGE;
    use proptest::prelude::*;

    const NOW: Nanos = Nanos(7);

    fn address(last: u8) -> MacAddress {
        MacAddress([2, 0, 0, 0, 0, last])
    }

    fn switch(ports: u8, room: usize) -> Switch<'static> {
        let mut switch = Switch::default();
        for port in 0..ports {
            switch.add("x", address(port), vec![0; room].leak()).unwrap();
        }
        switch
    }

    fn frame(to: MacAddress, from: MacAddress, len: usize) -> Vec<u8> {
        let mut frame = [to.0, from.0].concat();
        frame.resize(len, 0);
        frame
    }

    /// Sends, and tells which ports had something come.
    fn send(
        switch: &mut Switch<'_>,
        port: usize,
        to: MacAddress,
        from: MacAddress,
        now: Nanos,
    ) -> Vec<usize> {
        switch.forward(port, Offload::NONE, &frame(to, from, 60), now);
        let waiting: Vec<usize> = (0..switch.ports.len()).filter(|&at| switch.first(at).is_some()).collect();
        waiting.iter().for_each(|&at| switch.pop(at, true));
        waiting
    }

    #[test]
    fn a_frame_goes_to_its_address_and_a_groups_to_all_others() {
        let mut switch = switch(4, 4096);
        assert_eq!(send(&mut switch, 1, address(3), address(1), NOW), [3]);
        assert_eq!(send(&mut switch, 1, MacAddress::BROADCAST, address(1), NOW), [0, 2, 3]);
        assert_eq!(send(&mut switch, 1, address(99), address(1), NOW), [0, 2, 3]);
        assert_eq!(send(&mut switch, 1, address(1), address(1), NOW), []);
    }

    #[test]
    fn what_lies_behind_a_card_is_learned_moves_and_ages() {
        let mut switch = switch(4, 4096);
        send(&mut switch, 2, address(0), address(50), NOW);
        assert_eq!(send(&mut switch, 1, address(50), address(1), NOW), [2]);
        send(&mut switch, 3, address(0), address(50), NOW);
        assert_eq!(send(&mut switch, 1, address(50), address(1), NOW), [3]);
        assert_eq!(send(&mut switch, 1, address(50), address(1), NOW.after(AGE)), [0, 2, 3]);
    }

    #[test]
    fn nobody_speaks_in_another_s_name() {
        let mut switch = switch(4, 4096);
        assert_eq!(send(&mut switch, 2, address(3), address(1), NOW), []);
        assert_eq!(send(&mut switch, 2, address(3), MacAddress::BROADCAST, NOW), []);
        assert_eq!(switch.ports()[2].counters, Counters { sent: 2, refused: 2, ..Counters::default() });
        assert_eq!(send(&mut switch, 3, address(1), address(3), NOW), [1]);
    }

    #[test]
    fn a_port_that_makes_addresses_up_harms_itself() {
        let mut switch = switch(4, 4096);
        send(&mut switch, 3, address(0), address(50), NOW);
        for made_up in 100..200 {
            send(&mut switch, 2, address(0), address(made_up), NOW.after(Nanos(1)));
        }
        assert_eq!(send(&mut switch, 1, address(50), address(1), NOW), [3]);
        assert_eq!(send(&mut switch, 1, address(100), address(1), NOW), [0, 2, 3], "forgotten");
        assert_eq!(send(&mut switch, 1, address(199), address(1), NOW), [2]);
    }

    #[test]
    fn a_full_queue_drops_and_counts_and_holds_nobody_up() {
        let mut switch = switch(3, 1024);
        for _ in 0..100 {
            switch.forward(1, Offload::NONE, &frame(address(2), address(1), 112), NOW);
        }
        let port = &switch.ports()[2];
        assert_eq!((port.waiting(), port.counters.dropped), (4, 96));
        assert_eq!(switch.forward(1, Offload::NONE, &frame(address(0), address(1), 112), NOW), 1);
        assert_eq!(switch.ports()[0].waiting(), 1);
    }

    #[test]
    fn only_a_first_packet_awakens() {
        let mut switch = switch(3, 4096);
        let hello = frame(address(2), address(1), 60);
        switch.forward(1, Offload::NONE, &hello, NOW);
        assert_eq!((switch.take_awakened(), switch.take_awakened()), (0b100, 0));
        switch.forward(1, Offload::NONE, &hello, NOW);
        assert_eq!(switch.take_awakened(), 0);
    }

    #[test]
    fn a_card_that_is_gone_gets_nothing() {
        let mut switch = switch(3, 4096);
        switch.forward(1, Offload::NONE, &frame(address(2), address(1), 60), NOW);
        switch.unplug(2);
        switch.forward(1, Offload::NONE, &frame(address(2), address(1), 60), NOW);
        assert_eq!((switch.ports()[2].counters.dropped, switch.ports()[2].waiting()), (2, 0));
    }

    proptest! {
        #[test]
        fn every_packet_is_accounted_for(
            acts in proptest::collection::vec((0u8..6, 0usize..4, 0u8..6, 0u8..6, 0usize..300), 0..500),
        ) {
            let mut switch = switch(4, 2048);
            for (act, port, to, from, len) in acts {
                match act {
                    0 => switch.pop(port, len % 2 == 0),
                    1 if len < 3 => switch.clear(port),
                    1 => switch.refuse(port),
                    _ => {
                        let to = if to == 5 { MacAddress::BROADCAST } else { address(to) };
                        let mut frame = frame(to, address(from), len.max(12));
                        frame.truncate(len);
                        switch.forward(port, Offload::NONE, &frame, NOW);
                    }
                }
                let sum = |of: fn(&Port<'_>) -> u64| switch.ports().iter().map(of).sum::<u64>();
                let arrived = sum(|port| port.counters.received + port.counters.dropped + port.waiting() as u64);
                prop_assert_eq!(sum(|port| port.counters.copies), arrived);
                prop_assert!(sum(|port| port.counters.sent) >= sum(|port| port.counters.refused));
            }
        }
    }
}
