//! The gateway: what a Guest finds on its network without any set-up.
//!
//! It is the card on port 0 of each switch, with an IP stack behind it. There
//! is no way through it to anywhere: it answers.
//!
//! ```text
//!   switch port 0 --wire--> credible? --dhcp--> an answer, or
//!                                     '-------> smoltcp: ARP, ping, UDP, TCP --> services
//! ```
//!
//! It runs in the Host's loop, between the Guests' turns, and does a bounded
//! amount of work in each: so many packets in, each socket once.
//!
//! Invariants:
//! - A turn takes at most [`PACKETS_PER_TURN`] packets.
//! - A Guest that floods it is not answered more often than others are heard: the packets it sends
//!   too many are lost in its own share of the queue ([`super::queue`]).
//!
//! Source: `smoltcp`; lguest ABI has no such thing.
//!
//! Next on the tour: [`dhcp`].

pub mod dhcp;
pub mod page;
pub mod service;
pub mod wire;

#[cfg(test)]
mod tests;

use alloc::vec::Vec;

use abi::Nanos;
use smoltcp::iface::{Config, Interface, PollIngressSingleResult, SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::{tcp, udp};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::EthernetAddress;

use super::{
    header::Offload,
    mac::MacAddress,
    network::{Relay, Room},
    subnet::Subnet,
};
use dhcp::{ANSWER_MAX, Leases};
use page::About;
use service::{Connection, SERVICES};
use wire::{GATEWAY, Wire};

/// Packets one turn takes.
pub const PACKETS_PER_TURN: u32 = 64;
/// Bytes of each buffer of a UDP service, and how many datagrams fit.
const DATAGRAMS: (usize, usize) = (8 << 10, 16);
/// How long the stack waits for a Guest that does not answer any more.
const PATIENCE: Duration = Duration::from_secs(20);

/// Bytes of memory a gateway wants for its sockets.
pub const ROOM: usize = {
    let (mut bytes, mut next) = (3 * DATAGRAMS.0, 0);
    while next < SERVICES.len() {
        bytes += SERVICES[next].sockets * (SERVICES[next].receive + SERVICES[next].transmit);
        next += 1;
    }
    bytes
};

/// The gateway of one network.
pub struct Gateway<'a> {
    stack: Interface,
    sockets: SocketSet<'a>,
    connections: Vec<(SocketHandle, Connection)>,
    echo: SocketHandle,
    discard: SocketHandle,
    leases: Leases,
    subnet: Subnet,
    /// When it has something to do again, though nothing comes.
    due: Nanos,
}

/// Room for the packet in hand and the one in answer to it, shared by all gateways.
pub struct Hands<'h> {
    /// For what came.
    pub incoming: &'h mut [u8],
    /// For what goes.
    pub outgoing: &'h mut [u8],
}

impl<'a> Gateway<'a> {
    /// A gateway with this address and these of its network, whose sockets live in `room`: it needs
    /// [`ROOM`] bytes. Its lists are made once and kept for good. `seed` makes its sequence numbers
    /// others than at the last boot.
    pub fn new(address: MacAddress, subnet: Subnet, seed: u64, room: &mut Room<'a>) -> Self {
        let own = EthernetAddress(address.0);
        let mut config = Config::new(own.into());
        config.random_seed = seed;
        let mut stack = Interface::new(config, &mut Silence, Instant::ZERO);
        stack.update_ip_addrs(|addresses| {
            addresses.push(subnet.gateway().into()).expect("the first of one or more");
        });
        let count = 2 + SERVICES.iter().map(|service| service.sockets).sum::<usize>();
        let storage = (0..count).map(|_| SocketStorage::EMPTY).collect::<Vec<_>>().leak();
        let mut sockets = SocketSet::new(storage);
        let [echo, discard] =
            [(7, true), (9, false)].map(|(port, answers)| sockets.add(datagrams(room, port, answers)));
        let all = SERVICES.iter().flat_map(|service| core::iter::repeat_n(service, service.sockets));
        let connections = all.map(|service| {
            let buffers =
                [service.receive, service.transmit].map(|len| tcp::SocketBuffer::new(room.take(len)));
            let [receive, transmit] = buffers;
            let mut socket = tcp::Socket::new(receive, transmit);
            socket.set_timeout(Some(PATIENCE));
            (sockets.add(socket), Connection::new(*service))
        });
        let connections = connections.collect();
        Self {
            stack,
            sockets,
            connections,
            echo,
            discard,
            leases: Leases::new(subnet, own),
            subnet,
            due: Nanos(0),
        }
    }

    /// The addresses of its network.
    pub const fn subnet(&self) -> Subnet {
        self.subnet
    }

    /// When it wants a turn, though nothing comes for it.
    pub const fn due(&self) -> Nanos {
        self.due
    }

    /// Takes a turn: hears what has come, serves, answers.
    pub fn turn(&mut self, relay: &mut Relay<'a>, hands: &mut Hands<'_>, now: Nanos, about: &About<'_>) {
        let time = Instant::from_micros((now.0 / 1000) as i64);
        self.stack.poll_maintenance(time);
        for _ in 0..PACKETS_PER_TURN {
            self.sort_out(relay, now);
            let mut wire = Wire { relay, incoming: hands.incoming, outgoing: hands.outgoing, now };
            if self.stack.poll_ingress_single(time, &mut wire, &mut self.sockets)
                == PollIngressSingleResult::None
            {
                break;
            }
        }
        self.serve(now, about);
        let mut wire = Wire { relay, incoming: hands.incoming, outgoing: hands.outgoing, now };
        self.stack.poll_egress(time, &mut wire, &mut self.sockets);
        for (handle, connection) in &mut self.connections {
            connection.reopen(self.sockets.get_mut(*handle));
        }
        self.serve(now, about);
        self.due = self.next_due(time, now);
    }

    /// Takes out of the queue what is not for the stack: lies, and requests for an address.
    fn sort_out(&mut self, relay: &mut Relay<'a>, now: Nanos) {
        let mut answer = [0; ANSWER_MAX];
        for _ in 0..PACKETS_PER_TURN {
            let Some(packet) = relay.switch.first(GATEWAY) else { return };
            let is_credible = wire::is_credible(&packet, self.subnet);
            if is_credible && !dhcp::is_request(packet.frame) {
                return;
            }
            let card = EthernetAddress(relay.switch.ports()[packet.sender].address.0);
            let answer = if is_credible {
                self.leases.answer(packet.frame, packet.sender, card, &mut answer)
            } else {
                None
            };
            relay.switch.pop(GATEWAY, is_credible);
            if let Some(frame) = answer {
                relay.forward(GATEWAY, Offload::NONE, frame, now);
            }
        }
    }

    fn serve(&mut self, now: Nanos, about: &About<'_>) {
        service::echo_datagrams(self.sockets.get_mut(self.echo));
        service::discard_datagrams(self.sockets.get_mut(self.discard));
        for (handle, connection) in &mut self.connections {
            connection.serve(self.sockets.get_mut(*handle), now, about);
        }
    }

    fn next_due(&mut self, time: Instant, now: Nanos) -> Nanos {
        let stack = self.stack.poll_at(time, &self.sockets);
        let stack = stack.map_or(Nanos::NEVER, |at| Nanos((at.total_micros() as u64).saturating_mul(1000)));
        let idle =
            self.connections.iter().map(|(handle, connection)| connection.due(self.sockets.get(*handle)));
        idle.min().unwrap_or(Nanos::NEVER).min(stack).max(now)
    }
}

/// A socket for datagrams to `port`.
fn datagrams<'a>(room: &mut Room<'a>, port: u16, answers: bool) -> udp::Socket<'a> {
    let mut buffer = |len: usize| {
        let metadata = (0..DATAGRAMS.1).map(|_| udp::PacketMetadata::EMPTY).collect::<Vec<_>>().leak();
        udp::PacketBuffer::new(metadata, room.take(len))
    };
    let (receive, transmit) = (buffer(DATAGRAMS.0), buffer(if answers { DATAGRAMS.0 } else { 0 }));
    let mut socket = udp::Socket::new(receive, transmit);
    socket.bind(port).expect("a port other than 0, bound once");
    socket
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
