//! The TCP services' sockets, and who may have how many.
//!
//! Each card on the network has a number of sockets of its own at each
//! service, not certain ones but so many. A packet that asks for a connection
//! is counted before the stack hears it, so whatever the others hold, one is
//! left for who has a right to it.
//!
//! ```text
//!   SYN --> has its card less than its share?  --> the stack
//!              '-- no: cut its own one that is silent, if one is; else it is not heard, and
//!                      may ask again
//! ```
//!
//! Invariants:
//! - Nobody's connections keep another from one (`a_guest_that_takes_all_it_can_leaves_the_others_theirs`).
//! - A Guest that has forgotten its connections gets new ones
//!   (`a_guest_that_begins_anew_is_heard_after_a_moment`).
//!
//! Next on the tour: [`super::service`].

use abi::Nanos;
use alloc::vec::Vec;
use smoltcp::iface::{SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::tcp;
use smoltcp::time::Duration;
use smoltcp::wire::{EthernetFrame, EthernetProtocol, IpAddress, IpProtocol, Ipv4Packet, TcpPacket};

use super::page::Page;
use super::service::{Connection, SERVICES};
use crate::net::{room::Room, subnet::Subnet};

/// How long the stack waits for a Guest that does not answer any more.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a connection must have been silent to be given up for its Guest's next.
const SILENCE: Nanos = Nanos::from_millis(1_000);

/// Where sockets live.
pub struct Shelf<'a>(Vec<SocketStorage<'a>>);

impl Shelf<'_> {
    /// Room for the sockets of a network with so many cards.
    pub fn new(cards: usize) -> Self {
        let per_card: usize = SERVICES.iter().map(|service| service.sockets).sum();
        Self((0..cards * per_card).map(|_| SocketStorage::EMPTY).collect())
    }

    /// Bytes of the heap that a card's sockets want, here and in a list of connections.
    pub const fn bookkeeping() -> usize {
        let (mut sockets, mut next) = (0, 0);
        while next < SERVICES.len() {
            sockets += SERVICES[next].sockets;
            next += 1;
        }
        sockets * (size_of::<SocketStorage<'_>>() + 2 * size_of::<(SocketHandle, Connection)>())
    }
}

/// All of them.
pub struct Connections<'a> {
    /// For the stack.
    pub sockets: SocketSet<'a>,
    list: Vec<(SocketHandle, Connection)>,
    subnet: Subnet,
}

impl<'a> Connections<'a> {
    /// Bytes of memory that the sockets for a card want.
    pub const ROOM: usize = {
        let (mut bytes, mut next) = (0, 0);
        while next < SERVICES.len() {
            bytes += SERVICES[next].sockets * (SERVICES[next].receive + SERVICES[next].transmit);
            next += 1;
        }
        bytes
    };

    /// Sockets for so many cards, [`Connections::ROOM`] bytes of `room` for each.
    pub fn new(subnet: Subnet, cards: usize, room: &mut Room<'a>, shelf: &'a mut Shelf<'a>) -> Self {
        let mut sockets = SocketSet::new(&mut shelf.0[..]);
        let all = SERVICES.iter().flat_map(|service| core::iter::repeat_n(service, cards * service.sockets));
        let list = all.map(|service| {
            let buffers =
                [service.receive, service.transmit].map(|len| tcp::SocketBuffer::new(room.take(len)));
            let [receive, transmit] = buffers;
            let mut socket = tcp::Socket::new(receive, transmit);
            socket.set_timeout(Some(PATIENCE));
            // A turn answers all that came in it at once: there is nothing to wait for.
            socket.set_ack_delay(None);
            (sockets.add(socket), Connection::new(*service))
        });
        let list = list.collect();
        Self { sockets, list, subnet }
    }

    /// Whether the stack is to hear a packet that came from port `caller`: if it asks for a
    /// connection, there is a socket for it, and one that listens.
    pub fn admit(&mut self, frame: &[u8], caller: usize, now: Nanos) -> bool {
        let Some(port) = port_called(frame) else { return true };
        let (mut held, mut share, mut quietest) = (0, 0, None);
        let (mut listens, mut closed) = (false, None);
        for (place, (handle, connection)) in self.list.iter().enumerate() {
            if connection.service.port != port {
                continue;
            }
            share = connection.service.sockets;
            let socket = self.sockets.get(*handle);
            listens |= tcp::Socket::is_listening(socket);
            if !socket.is_open() {
                closed = Some(place);
            } else if caller_of(socket, self.subnet) == Some(caller) {
                held += 1;
                quietest = quietest.max(Some((connection.silence(now), place)));
            }
        }
        let give_up = match quietest {
            Some((silence, place)) if held >= share && silence >= SILENCE => Some(place),
            Some(_) if held >= share => return false,
            _ => closed.filter(|_| !listens),
        };
        if let Some(place) = give_up {
            let (handle, connection) = &mut self.list[place];
            connection.forget(self.sockets.get_mut(*handle));
        }
        true
    }

    /// Has those listen again whose connection is over and whose last packet is out.
    pub fn reopen(&mut self) {
        for (handle, connection) in &mut self.list {
            connection.reopen(self.sockets.get_mut(*handle));
        }
    }

    /// Does what can be done now on each connection.
    pub fn serve(&mut self, now: Nanos, page: &mut Page<'_, '_>) {
        for (handle, connection) in &mut self.list {
            connection.serve(self.sockets.get_mut(*handle), now, page);
        }
    }

    /// When one wants to be looked at, though nothing comes.
    pub fn due(&self) -> Nanos {
        let due = self.list.iter().map(|(handle, connection)| connection.due(self.sockets.get(*handle)));
        due.min().unwrap_or(Nanos::NEVER)
    }
}

/// The port a packet asks for a connection to.
fn port_called(frame: &[u8]) -> Option<u16> {
    let ethernet = EthernetFrame::new_checked(frame).ok()?;
    if ethernet.ethertype() != EthernetProtocol::Ipv4 {
        return None;
    }
    let ip = Ipv4Packet::new_checked(ethernet.payload()).ok()?;
    if ip.next_header() != IpProtocol::Tcp {
        return None;
    }
    let tcp = TcpPacket::new_checked(ip.payload()).ok()?;
    (tcp.syn() && !tcp.ack()).then_some(tcp.dst_port())
}

/// The switch's port that a connection is with.
fn caller_of(socket: &tcp::Socket<'_>, subnet: Subnet) -> Option<usize> {
    let IpAddress::Ipv4(address) = socket.remote_endpoint()?.addr;
    subnet.port_of(address)
}
