//! A network card: packets to the gateway, which throws them away, and TCP to it in large packets.
//!
//! Packets go 32 to a kick. TCP is `smoltcp`'s, as if the wire took 60 KB at a
//! time: what the Host cannot pass on in one piece, it cuts up. The stacks on
//! both sides are in the figure.
//!
//! Next on the tour: [`crate::Machine`].

use kit::lan::Host;
use kit::local::Local;
use kit::net::{Card, PLAIN, feature};
use kit::{Nanos, hypercall, interrupts, time};
use smoltcp::iface::{SocketSet, SocketStorage};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::socket::tcp;
use smoltcp::wire::{IpProtocol, Ipv4Address, Ipv4Packet, Ipv4Repr, UdpPacket};

use crate::large::{LARGE_MTU, LargeWire};
use crate::row::{Row, each, nothing};

/// Packets to a kick.
const BATCH: u32 = 32;
/// The port whose service throws away what comes.
const DISCARD: u16 = 9;
/// Bytes of one large packet's data: what a connection has on its way at most.
const SEGMENT: usize = LARGE_MTU - 14 - 40;
/// How long anything may take.
const PATIENCE: Nanos = Nanos::from_millis(20_000);
/// How long to sleep at most while nothing comes.
const NAP: Nanos = Nanos::from_millis(5);

/// The rows.
pub const ROWS: [Row; 3] = [
    Row::new("net-guest-to-gateway-64", 30 * BATCH, |count| datagrams(count, 64), nothing),
    Row::new("net-guest-to-gateway-1500", 30 * BATCH, |count| datagrams(count, 1500), nothing),
    Row::new("net-large-guest-to-gateway-per-kib", 30 * SEGMENT as u32 / 1024, stream, nothing),
];

static NET: Local<Option<Net>> = Local::new(None);
static UNSENT: Local<[u8; SEGMENT]> = Local::new([0; SEGMENT]);

struct Net {
    host: Host<LargeWire>,
    own: Ipv4Address,
    gateway: Ipv4Address,
    calls: u16,
}

/// Starts the card and asks for an address; `false` if there is no card to measure.
///
/// # Panics
/// If the gateway does not answer.
pub fn prepare() -> bool {
    let features = feature::CSUM | feature::GUEST_CSUM | feature::HOST_TSO4;
    let Some(card) = Card::start(0, features) else { return false };
    time::on_alarm(|| {});
    interrupts::enable();
    let mut host = Host::on(LargeWire::new(card), PATIENCE, nap);
    let gateway = host.ask_for_address().expect("the gateway gives addresses and tells its own");
    host.ping(gateway).expect("the gateway answers");
    let own = host.stack.ipv4_addr().expect("it was just given");
    NET.with(|net| *net = Some(Net { host, own, gateway, calls: 0 }));
    true
}

/// Sleeps until a packet has come, but not for long.
fn nap() {
    let saved = interrupts::save_and_disable();
    time::set_alarm(NAP);
    hypercall::halt();
    interrupts::restore(saved);
}

fn with_net(body: impl FnOnce(&mut Net)) {
    let mut net = NET.with(Option::take).expect("prepare made it");
    body(&mut net);
    NET.with(|place| *place = Some(net));
}

fn datagrams(count: u32, len: usize) {
    let mut frame = [0; 1514];
    let frame = &mut frame[..len];
    with_net(|net| {
        net.write_datagram(frame);
        let card = &mut net.host.wire.card;
        each(count, |number| {
            while !card.send(PLAIN, frame) {
                card.kick();
            }
            if number % BATCH == BATCH - 1 {
                card.kick();
            }
        });
    });
}

fn stream(kib: u32) {
    with_net(|net| UNSENT.with(|unsent| net.stream(kib as usize * 1024, unsent)));
}

impl Net {
    /// A datagram to be thrown away, without a checksum of its own.
    fn write_datagram(&self, frame: &mut [u8]) {
        frame[..6].copy_from_slice(&self.host.wire.heard);
        frame[6..12].copy_from_slice(&self.host.wire.card.mac);
        frame[12..14].copy_from_slice(&[0x08, 0x00]);
        let payload_len = frame.len() - 14 - 20;
        let (src_addr, dst_addr, next_header) = (self.own, self.gateway, IpProtocol::Udp);
        let ip = Ipv4Repr { src_addr, dst_addr, next_header, payload_len, hop_limit: 64 };
        let mut packet = Ipv4Packet::new_unchecked(&mut frame[14..]);
        ip.emit(&mut packet, &ChecksumCapabilities::default());
        let mut datagram = UdpPacket::new_unchecked(packet.payload_mut());
        datagram.set_src_port(DISCARD);
        datagram.set_dst_port(DISCARD);
        datagram.set_len(payload_len as u16);
        datagram.set_checksum(0);
    }

    /// Sends so many bytes over a connection of their own, from `unsent`.
    fn stream(&mut self, mut left: usize, unsent: &mut [u8]) {
        let (mut heard, mut storage) = ([0; 64], [SocketStorage::EMPTY; 1]);
        let buffers = [&mut heard[..], unsent].map(tcp::SocketBuffer::new);
        let [receive, transmit] = buffers;
        let mut socket = tcp::Socket::new(receive, transmit);
        self.calls += 1;
        let far = (self.gateway, DISCARD);
        socket
            .connect(self.host.stack.context(), far, 40_000 + self.calls)
            .expect("a closed socket connects");
        let mut sockets = SocketSet::new(&mut storage[..]);
        let handle = sockets.add(socket);
        let done = self.host.until(&mut sockets, |_, sockets| {
            let socket = sockets.get_mut::<tcp::Socket<'_>>(handle);
            while left > 0 && socket.can_send() {
                let fill = |room: &mut [u8]| (room.len().min(left), room.len().min(left));
                left -= socket.send(fill).expect("the connection holds");
            }
            if left == 0 && socket.send_queue() == 0 {
                socket.close();
            }
            (left == 0 && !socket.is_open()).then_some(())
        });
        done.expect("the gateway takes it all");
    }
}
