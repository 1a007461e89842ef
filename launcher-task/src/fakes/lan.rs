//! A network with a few cards on it, and a Guest's IP stack behind one of them.
//!
//! Next on the tour: [`crate::net`].

use core::fmt::{self, Write};

use abi::Nanos;
use smoltcp::iface::{Config, Interface, SocketSet};
use smoltcp::phy::{Checksum, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, Ipv4Cidr};

use crate::net::gateway::connections::Shelf;
use crate::net::header::{HEADER_LEN, Large, Offload};
use crate::net::mac::MacAddress;
use crate::net::network::Networks;
use crate::net::room::Room;
use crate::net::unfinished::Unfinished;
use crate::port::{PacketPort, Plug};

/// A network called `lan` with a card for each name, which speaks as itself.
pub fn lan(guests: &[&str]) -> (Networks<'static>, Vec<Plug>) {
    cards(guests, false)
}

/// The same, with cards that may say what they like.
pub fn open_lan(guests: &[&str]) -> (Networks<'static>, Vec<Plug>) {
    cards(guests, true)
}

fn cards(guests: &[&str], is_open: bool) -> (Networks<'static>, Vec<Plug>) {
    let mut room = Room::new(vec![0; Networks::room(1, guests.len(), 0)].leak());
    let mut networks = Networks::new(&mut room);
    let number =
        networks.add("lan", guests.len(), 1, &mut room, Box::leak(Box::new(Shelf::new(guests.len()))));
    let plug = |guest: &&str| {
        networks.plug(number, guest, MacAddress::derive("lan", guest), is_open, &mut room).unwrap()
    };
    let plugs = guests.iter().map(plug).collect();
    (networks, plugs)
}

/// What the Host has to say about a Guest.
fn about(guest: &str, out: &mut dyn Write) -> fmt::Result {
    writeln!(out, "guest {guest}: is well")
}

/// Sends a frame from a card, whole and with nothing left to do.
pub fn send(networks: &mut Networks<'_>, from: Plug, frame: &[u8]) -> usize {
    let fill = &mut |room: &mut [u8]| {
        room.copy_from_slice(frame);
        Ok(())
    };
    networks.send(from, [0; HEADER_LEN], 0, frame.len(), fill).unwrap()
}

/// A card with an IP stack behind it.
pub struct Client {
    pub stack: Interface,
    pub sockets: SocketSet<'static>,
    pub plug: Plug,
    /// Whether it sends large packets.
    pub is_large: bool,
}

impl Client {
    pub fn new(plug: Plug, guest: &str, is_large: bool) -> Self {
        let own = EthernetAddress(MacAddress::derive("lan", guest).0);
        let mut networks = Networks::none();
        let mut card = Card { networks: &mut networks, plug, is_large };
        let stack = Interface::new(Config::new(own.into()), &mut card, Instant::ZERO);
        let sockets = SocketSet::new((0..8).map(|_| Default::default()).collect::<Vec<_>>().leak());
        Self { stack, sockets, plug, is_large }
    }

    pub fn set_address(&mut self, address: Ipv4Cidr) {
        self.stack.update_ip_addrs(|addresses| {
            addresses.clear();
            addresses.push(address.into()).unwrap();
        });
    }

    /// Lets stack and gateways work until `now`.
    pub fn turn(&mut self, networks: &mut Networks<'_>, now: Nanos) {
        networks.now = now;
        let time = Instant::from_micros((now.0 / 1000) as i64);
        let mut card = Card { networks: &mut *networks, plug: self.plug, is_large: self.is_large };
        self.stack.poll(time, &mut card, &mut self.sockets);
        networks.turn(&about);
    }

    /// The same, and says how often the gateways took memory from the heap.
    pub fn turn_counting(&mut self, networks: &mut Networks<'_>, now: Nanos) -> u64 {
        self.turn(networks, now);
        let time = Instant::from_micros((now.0 / 1000) as i64);
        let mut card = Card { networks: &mut *networks, plug: self.plug, is_large: self.is_large };
        self.stack.poll(time, &mut card, &mut self.sockets);
        allocation_counter::measure(|| networks.turn(&about)).count_total
    }
}

struct Card<'n, 'a> {
    networks: &'n mut Networks<'a>,
    plug: Plug,
    is_large: bool,
}

struct Came(Vec<u8>);

struct Goes<'t, 'a> {
    networks: &'t mut Networks<'a>,
    plug: Plug,
    is_large: bool,
}

impl<'a> Device for Card<'_, 'a> {
    type RxToken<'t>
        = Came
    where
        Self: 't;
    type TxToken<'t>
        = Goes<'t, 'a>
    where
        Self: 't;

    fn receive(&mut self, _: Instant) -> Option<(Came, Goes<'_, 'a>)> {
        let mut frame = self.networks.first(self.plug)?.frame.to_vec();
        // A stack that knows nothing of large packets sends some if it believes they fit.
        if self.is_large
            && frame.len() > 58
            && frame[23] == 6
            && frame[47] & 2 != 0
            && frame[54..56] == [2, 4]
        {
            frame[56..58].copy_from_slice(&60_000u16.to_be_bytes());
        }
        self.networks.pop(self.plug, true);
        Some((Came(frame), Goes { networks: self.networks, plug: self.plug, is_large: self.is_large }))
    }

    fn transmit(&mut self, _: Instant) -> Option<Goes<'_, 'a>> {
        Some(Goes { networks: self.networks, plug: self.plug, is_large: self.is_large })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = if self.is_large { 60_054 } else { 1514 };
        if self.is_large {
            capabilities.checksum.tcp = Checksum::None;
            capabilities.checksum.udp = Checksum::Tx;
        } else {
            // What the gateway sends leaves its checksum to the receiver.
            (capabilities.checksum.tcp, capabilities.checksum.udp) = (Checksum::Tx, Checksum::Tx);
        }
        capabilities
    }
}

impl RxToken for Came {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, hear: F) -> R {
        hear(&self.0)
    }
}

impl TxToken for Goes<'_, '_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut frame = vec![0; len];
        let result = write(&mut frame);
        let large = (len > 1514).then_some(Large { is_v6: false, has_ecn: false, segment: 1460 });
        let is_left = self.is_large && frame[12] == 8 && frame[13] == 0 && frame[23] == 6;
        let checksum = is_left.then_some(Unfinished { start: 34, offset: 16 });
        let header = Offload { checksum, large }.to_wire(0);
        let fill = &mut |room: &mut [u8]| {
            room.copy_from_slice(&frame);
            Ok(())
        };
        self.networks.send(self.plug, header, !0, len, fill).unwrap();
        result
    }
}
