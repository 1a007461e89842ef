//! All networks there are, as the Guests' cards reach them.
//!
//! The Host gives them memory once, when it knows how many Guests there are on
//! how many networks; from then on nothing is allocated. A packet is copied
//! out of its sender's memory first and judged then, on the copy.
//!
//! ```text
//!   card --send--> judged --> switch --> queue of each receiver --first, pop--> card
//!                                    '-> capture
//! ```
//!
//! Invariants:
//! - What the header claims about a frame is true before anybody else sees it
//!   (`a_header_that_lies_costs_the_packet`).
//! - No network hears another (`networks_do_not_hear_each_other`).
//!
//! Next on the tour: [`super::subnet`].

use abi::{GuestResult, Nanos};
use alloc::{string::String, vec::Vec};

use super::{
    gateway::{
        Gateway,
        connections::{Connections, Shelf},
        page::About,
        wire::Hands,
    },
    header::{HEADER_LEN, Offload},
    identity::Identity,
    mac::MacAddress,
    pcap::Capture,
    queue::{FRAME_MAX, Packet, QUEUE_LEN},
    refusal::Refusal,
    relay::{GATEWAY, Relay},
    room::Room,
    subnet::Subnet,
    switch::Switch,
};
use crate::port::{PacketPort, Plug};

/// What the gateway is called among the ports.
pub const GATEWAY_NAME: &str = "gateway";
/// Most networks there can be.
pub const NETWORKS_MAX: usize = 16;
/// Bytes of room that all networks share: a packet on its way, one heard, one answered.
const SHARED: usize = 3 * FRAME_MAX;

/// Bytes for a name, and what the heap wants to keep it.
const NAMES: usize = 128;

/// One network.
pub struct Network<'a> {
    /// What stands behind `net=`.
    pub name: String,
    /// Its switch.
    pub relay: Relay<'a>,
    gateway: Gateway<'a>,
}

/// All of them.
pub struct Networks<'a> {
    list: Vec<Network<'a>>,
    shared: [&'a mut [u8]; 3],
    /// What time it is; whoever gives a turn sets it.
    pub now: Nanos,
}

impl<'a> Networks<'a> {
    /// Bytes of memory that so many networks with so many Guests' cards between them want.
    pub const fn room(networks: usize, cards: usize, captures: usize) -> usize {
        if networks == 0 {
            return 0;
        }
        let for_a_card = QUEUE_LEN + Connections::ROOM;
        SHARED + networks * QUEUE_LEN + cards * for_a_card + captures * Capture::ROOM
    }

    /// Bytes of the heap that they want besides, while they are made and from then on.
    pub const fn bookkeeping(networks: usize, cards: usize) -> usize {
        // A list that grows is copied: for a moment there are two.
        let for_a_network = 3 * size_of::<Network<'_>>() + NAMES;
        networks * for_a_network + cards * (Shelf::bookkeeping() + NAMES)
    }

    /// None yet; what packets need on their way comes out of `room`.
    pub fn new(room: &mut Room<'a>) -> Self {
        let shared = [FRAME_MAX; 3].map(|len| room.take(len));
        Self { list: Vec::new(), shared, now: Nanos(0) }
    }

    /// None at all, and there never will be any.
    pub fn none() -> Self {
        Self { list: Vec::new(), shared: [&mut [], &mut [], &mut []], now: Nanos(0) }
    }

    /// Adds a network that so many cards will be plugged into, and returns its number. Its gateway's
    /// sockets live on `shelf`; `seed` is nothing anybody can foresee.
    pub fn add(
        &mut self,
        name: &str,
        cards: usize,
        seed: u64,
        room: &mut Room<'a>,
        shelf: &'a mut Shelf<'a>,
    ) -> usize {
        let number = self.list.len();
        let (address, subnet) = (MacAddress::derive(name, ""), Subnet::new(number as u8));
        let mut switch = Switch::default();
        let port = switch.add(GATEWAY_NAME, address, None, room.take(QUEUE_LEN));
        assert_eq!(port, Some(GATEWAY), "the first port is the gateway's");
        let gateway = Gateway::new(address, subnet, cards, seed, room, shelf);
        let relay = Relay { switch, capture: None };
        self.list.push(Network { name: name.into(), relay, gateway });
        number
    }

    /// Plugs a Guest's card in, which speaks only as itself unless it `is_open`; `None` if all ports
    /// are taken.
    pub fn plug(
        &mut self,
        network: usize,
        guest: &str,
        address: MacAddress,
        is_open: bool,
        room: &mut Room<'a>,
    ) -> Option<Plug> {
        let subnet = self.list[network].subnet();
        let switch = &mut self.list[network].relay.switch;
        let identity = (!is_open).then(|| Identity::new(address, subnet, switch.ports().len()));
        let port = switch.add(guest, address, identity, room.take(QUEUE_LEN))?;
        Some(Plug { network, port })
    }

    /// Has everything on a network written down.
    pub fn capture(&mut self, network: usize, capture: Capture<'a>) {
        self.list[network].relay.capture = Some(capture);
    }

    /// The networks, by number.
    pub fn list(&self) -> &[Network<'a>] {
        &self.list
    }

    /// The network of this name.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.list.iter().position(|network| network.name == name)
    }

    /// Pulls a card's plug: its Guest has ended.
    pub fn unplug(&mut self, plug: Plug) {
        self.list[plug.network].relay.switch.unplug(plug.port);
    }

    /// Gives each gateway a turn that has something to do.
    pub fn turn(&mut self, about: &About<'_>) {
        let [_, incoming, outgoing] = &mut self.shared;
        for Network { relay, gateway, .. } in &mut self.list {
            if gateway.due() <= self.now || relay.switch.first(GATEWAY).is_some() {
                let mut hands = Hands { incoming, outgoing };
                gateway.turn(relay, &mut hands, self.now, about);
            }
        }
    }

    /// When the next gateway wants a turn.
    pub fn due(&self) -> Nanos {
        let due = self.list.iter().map(|network| match network.relay.switch.first(GATEWAY) {
            Some(_) => Nanos(0),
            None => network.gateway.due(),
        });
        due.min().unwrap_or(Nanos::NEVER)
    }

    /// Tells of each card whose packets the gateways have taken since the last call, and what that
    /// cost: in which unit does not matter, it is the same for all.
    pub fn take_work(&mut self, mut tell: impl FnMut(Plug, u32)) {
        for (network, Network { relay, .. }) in self.list.iter_mut().enumerate() {
            relay.switch.take_work(GATEWAY, |port, work| tell(Plug { network, port }, work));
        }
    }

    /// Tells of each card something has come for since the last call.
    pub fn take_awakened(&mut self, mut tell: impl FnMut(Plug)) {
        for (number, network) in self.list.iter_mut().enumerate() {
            let mut ports = network.relay.switch.take_awakened() & !(1 << GATEWAY);
            while ports != 0 {
                tell(Plug { network: number, port: ports.trailing_zeros() as usize });
                ports &= ports - 1;
            }
        }
    }

    /// What was written down and is still to be taken away: `take` says how many bytes it took.
    pub fn drain_captures(&mut self, mut take: impl FnMut(&[u8]) -> usize) {
        for network in &mut self.list {
            if let Some(capture) = &mut network.relay.capture {
                capture.drain(&mut take);
            }
        }
    }
}

impl Network<'_> {
    /// The addresses on it.
    pub fn subnet(&self) -> Subnet {
        self.gateway.subnet()
    }
}

impl PacketPort for Networks<'_> {
    fn send(
        &mut self,
        from: Plug,
        header: [u8; HEADER_LEN],
        features: u64,
        len: usize,
        fill: &mut dyn FnMut(&mut [u8]) -> GuestResult,
    ) -> GuestResult<usize> {
        let relay = &mut self.list[from.network].relay;
        let Some(frame) = self.shared[0].get_mut(..len) else {
            relay.switch.refuse(from.port, Refusal::Malformed);
            return Ok(0);
        };
        fill(frame)?;
        match Offload::admit(header, features, frame) {
            Some(offload) => Ok(relay.forward(from.port, offload, frame, self.now)),
            None => {
                relay.switch.refuse(from.port, Refusal::Malformed);
                Ok(0)
            }
        }
    }

    fn refuse(&mut self, from: Plug) {
        self.list[from.network].relay.switch.refuse(from.port, Refusal::Malformed);
    }

    fn first(&self, at: Plug) -> Option<Packet<'_>> {
        self.list[at.network].relay.switch.first(at.port)
    }

    fn pop(&mut self, at: Plug, is_received: bool) {
        self.list[at.network].relay.switch.pop(at.port, is_received);
    }

    fn clear(&mut self, at: Plug) {
        self.list[at.network].relay.switch.clear(at.port);
    }
}
