//! An IP stack behind the network card: `smoltcp`, which nobody here wrote.
//!
//! ```text
//!   a socket <-> Host::until: poll, kick, sleep, poll … <-> Wire <-> Card
//! ```
//!
//! The stack works only while somebody waits for something of it, or lets it
//! [`listen`](Host::listen); what comes in the meantime waits in the card's ring.
//!
//! Next on the tour: [`crate::device_window`].

use smoltcp::iface::{Config, Interface, PollResult, SocketSet, SocketStorage};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::{dhcpv4, icmp};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, Icmpv4Packet, Icmpv4Repr, Ipv4Address, Ipv4Cidr};

use crate::net::{Card, FRAME_MAX, PLAIN};
use crate::{Nanos, time};

/// Bytes of the longest frame on a wire.
const MTU: usize = 1514;
/// What tells this Guest's pings from others, and what they carry.
const IDENT: u16 = 7;
const PING: Icmpv4Repr<'_> = Icmpv4Repr::EchoRequest { ident: IDENT, seq_no: 1, data: b"are you there" };
const PONG: Icmpv4Repr<'_> = Icmpv4Repr::EchoReply { ident: IDENT, seq_no: 1, data: b"are you there" };

/// A network card, as a stack needs it.
pub trait Nic: Device {
    /// Its address.
    fn mac(&self) -> [u8; 6];

    /// Sees to it that what was sent goes out.
    fn kick(&mut self);
}

/// The kit's card for the stack, which copies each packet once.
pub struct Wire(pub Card);

/// A packet that has come.
pub struct Came {
    frame: [u8; MTU],
    len: usize,
}

/// A packet about to go.
pub struct Goes<'a>(&'a mut Card);

/// Card and stack.
pub struct Host<N: Nic> {
    /// The card.
    pub wire: N,
    /// The stack.
    pub stack: Interface,
    /// How long anything may take.
    patience: Nanos,
    /// How to sleep until something comes, but not for long.
    nap: fn(),
}

impl Device for Wire {
    type RxToken<'a> = Came;
    type TxToken<'a> = Goes<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Came, Goes<'_>)> {
        let mut came = Came { frame: [0; MTU], len: 0 };
        (_, came.len) = self.0.receive(&mut came.frame)?;
        Some((came, Goes(&mut self.0)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Goes<'_>> {
        Some(Goes(&mut self.0))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        ethernet()
    }
}

impl Nic for Wire {
    fn mac(&self) -> [u8; 6] {
        self.0.mac
    }

    fn kick(&mut self) {
        self.0.kick();
    }
}

/// What a stack must know of a card.
pub fn ethernet() -> DeviceCapabilities {
    let mut capabilities = DeviceCapabilities::default();
    capabilities.medium = Medium::Ethernet;
    capabilities.max_transmission_unit = MTU;
    capabilities
}

impl Came {
    /// Copies a packet, as far as it fits a wire.
    pub fn copy(packet: &[u8]) -> Self {
        let (mut frame, len) = ([0; MTU], packet.len().min(MTU));
        frame[..len].copy_from_slice(&packet[..len]);
        Self { frame, len }
    }
}

impl RxToken for Came {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, hear: F) -> R {
        hear(&self.frame[..self.len])
    }
}

impl TxToken for Goes<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut frame = [0; MTU];
        let result = write(&mut frame[..len.min(FRAME_MAX)]);
        while !self.0.send(PLAIN, &frame[..len]) {
            self.0.kick();
        }
        result
    }
}

impl<N: Nic> Host<N> {
    /// Starts a stack on a card. Nothing may take longer than `patience`; while it waits it does
    /// `nap`, which sleeps until something comes, but not for long.
    pub fn on(mut wire: N, patience: Nanos, nap: fn()) -> Self {
        let mut config = Config::new(EthernetAddress(wire.mac()).into());
        config.random_seed = time::rdtsc();
        let stack = Interface::new(config, &mut wire, instant());
        Self { wire, stack, patience, nap }
    }

    /// Asks for an address by DHCP and takes it; says what the gateway's is. `None` if nobody gives
    /// any.
    pub fn ask_for_address(&mut self) -> Option<Ipv4Address> {
        let mut storage = [SocketStorage::EMPTY; 1];
        let mut sockets = SocketSet::new(&mut storage[..]);
        let handle = sockets.add(dhcpv4::Socket::new());
        let (address, router) = self.until(&mut sockets, |_, sockets| {
            match sockets.get_mut::<dhcpv4::Socket<'_>>(handle).poll() {
                Some(dhcpv4::Event::Configured(config)) => Some((config.address, config.router)),
                Some(dhcpv4::Event::Deconfigured) | None => None,
            }
        })?;
        self.set_address(address);
        router
    }

    /// Takes this address instead of any other.
    fn set_address(&mut self, address: Ipv4Cidr) {
        self.stack.update_ip_addrs(|addresses| {
            addresses.clear();
            addresses.push(address.into()).expect("the first of one or more");
        });
    }

    /// Sends what is for other networks to that router on this one.
    pub fn set_router(&mut self, router: Ipv4Address) {
        self.stack.routes_mut().add_default_ipv4_route(router).expect("there is room for one");
    }

    /// Asks `whom` for an echo; says how long that took, or nothing if nobody answers.
    pub fn ping(&mut self, whom: Ipv4Address) -> Option<Nanos> {
        let (mut packets, mut bytes) = ([[icmp::PacketMetadata::EMPTY; 2]; 2], [[0; 128]; 2]);
        let ([in_packets, out_packets], [in_bytes, out_bytes]) = (&mut packets, &mut bytes);
        let mut socket = icmp::Socket::new(
            icmp::PacketBuffer::new(&mut in_packets[..], &mut in_bytes[..]),
            icmp::PacketBuffer::new(&mut out_packets[..], &mut out_bytes[..]),
        );
        socket.bind(icmp::Endpoint::Ident(IDENT)).expect("nobody has it");
        let room = socket.send(PING.buffer_len(), whom.into()).ok()?;
        PING.emit(&mut Icmpv4Packet::new_unchecked(room), &Default::default());
        let mut storage = [SocketStorage::EMPTY; 1];
        let mut sockets = SocketSet::new(&mut storage[..]);
        let handle = sockets.add(socket);
        let began = time::now();
        self.until(&mut sockets, |_, sockets| {
            let (answer, from) = sockets.get_mut::<icmp::Socket<'_>>(handle).recv().ok()?;
            let answer = Icmpv4Packet::new_checked(answer).ok()?;
            let is_it = Icmpv4Repr::parse(&answer, &Default::default()) == Ok(PONG) && from == whom.into();
            is_it.then(|| began.until(time::now()))
        })
    }

    /// Answers what has come: who asks where this address is, or for an echo.
    pub fn listen(&mut self) {
        self.work(&mut SocketSet::new(&mut [][..]));
    }

    /// Lets the stack work until `done` has something to say, or for as long as patience lasts;
    /// sleeps while nothing comes.
    pub fn until<T>(
        &mut self,
        sockets: &mut SocketSet<'_>,
        mut done: impl FnMut(&mut Interface, &mut SocketSet<'_>) -> Option<T>,
    ) -> Option<T> {
        let end = time::now().after(self.patience);
        while time::now() < end {
            let has_changed = self.work(sockets);
            if let Some(done) = done(&mut self.stack, sockets) {
                self.work(sockets);
                return Some(done);
            }
            // What `done` has said may be sent first.
            if !has_changed {
                (self.nap)();
            }
        }
        None
    }

    /// Lets the stack work; says whether anything has come of it.
    fn work(&mut self, sockets: &mut SocketSet<'_>) -> bool {
        let result = self.stack.poll(instant(), &mut self.wire, sockets);
        self.wire.kick();
        result == PollResult::SocketStateChanged
    }
}

fn instant() -> Instant {
    Instant::from_micros((time::now().0 / 1000) as i64)
}
