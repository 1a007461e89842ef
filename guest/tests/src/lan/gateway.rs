//! What a Guest finds on its network without any set-up: an address, an answer to its ping, a page
//! about the Host.
//!
//! Next on the tour: `src/lan/pair.rs`.

use kit::{println, report};
use smoltcp::iface::{SocketSet, SocketStorage};
use smoltcp::socket::{icmp, tcp};
use smoltcp::wire::{Icmpv4Packet, Icmpv4Repr, IpAddress, Ipv4Address};

use super::{Host, Nic};

const PING: Icmpv4Repr<'_> = Icmpv4Repr::EchoRequest { ident: 7, seq_no: 1, data: b"are you there" };
const PONG: Icmpv4Repr<'_> = Icmpv4Repr::EchoReply { ident: 7, seq_no: 1, data: b"are you there" };

/// Asks for an address, pings the gateway and gets its page, which says how this Guest is doing.
pub fn visit<N: Nic>(mut host: Host<N>) {
    let mut storage = [SocketStorage::EMPTY; 4];
    let mut sockets = SocketSet::new(&mut storage[..]);
    let gateway = host.ask_for_address(&mut sockets);
    println!("I am {:?}, and {gateway} is my gateway", host.stack.ipv4_addr());
    ping(&mut host, gateway);
    let page = get(&mut host, gateway);
    println!("the page has {page} bytes");
}

fn ping<N: Nic>(host: &mut Host<N>, gateway: Ipv4Address) {
    let (mut packets, mut bytes) = ([[icmp::PacketMetadata::EMPTY; 2]; 2], [[0; 128]; 2]);
    let ([in_packets, out_packets], [in_bytes, out_bytes]) = (&mut packets, &mut bytes);
    let mut socket = icmp::Socket::new(
        icmp::PacketBuffer::new(&mut in_packets[..], &mut in_bytes[..]),
        icmp::PacketBuffer::new(&mut out_packets[..], &mut out_bytes[..]),
    );
    socket.bind(icmp::Endpoint::Ident(7)).expect("nobody has it");
    let room = socket.send(PING.buffer_len(), IpAddress::Ipv4(gateway)).expect("the buffer is empty");
    PING.emit(&mut Icmpv4Packet::new_unchecked(room), &Default::default());
    let mut storage = [SocketStorage::EMPTY; 1];
    let mut sockets = SocketSet::new(&mut storage[..]);
    let handle = sockets.add(socket);
    host.until(&mut sockets, |_, sockets| {
        let (answer, from) = sockets.get_mut::<icmp::Socket<'_>>(handle).recv().ok()?;
        let answer = Icmpv4Packet::new_checked(answer).expect("a packet");
        assert_eq!((Icmpv4Repr::parse(&answer, &Default::default()), from), (Ok(PONG), gateway.into()));
        Some(())
    });
}

/// Gets the page, and says how long it is.
fn get<N: Nic>(host: &mut Host<N>, gateway: Ipv4Address) -> usize {
    let (mut receive, mut transmit) = ([0; 2048], [0; 256]);
    let socket =
        tcp::Socket::new(tcp::SocketBuffer::new(&mut receive[..]), tcp::SocketBuffer::new(&mut transmit[..]));
    let mut storage = [SocketStorage::EMPTY; 1];
    let mut sockets = SocketSet::new(&mut storage[..]);
    let handle = sockets.add(socket);
    let socket = sockets.get_mut::<tcp::Socket<'_>>(handle);
    socket.connect(host.stack.context(), (gateway, 80), 40_000).expect("a closed socket connects");
    let (mut page, mut len, mut has_asked) = ([0; 2048], 0, false);
    host.until(&mut sockets, |_, sockets| {
        let socket = sockets.get_mut::<tcp::Socket<'_>>(handle);
        if socket.can_send() && !has_asked {
            has_asked = socket.send_slice(b"GET / HTTP/1.0\r\n\r\n").is_ok();
        }
        while let Ok(more @ 1..) = socket.recv_slice(&mut page[len..]) {
            len += more;
        }
        (has_asked && !socket.may_recv()).then(|| socket.close())
    });
    let page = core::str::from_utf8(&page[..len]).expect("the page is text");
    assert!(page.starts_with("HTTP/1.0 200 OK\r\n"), "{page}");
    let name = report::name().expect("this is a test, called like its Guest");
    let is_about_us = page.lines().any(|line| {
        line.strip_prefix("guest ")
            .and_then(|rest| rest.strip_prefix(name))
            .is_some_and(|rest| rest.starts_with(": runs, "))
    });
    assert!(is_about_us, "{page}");
    len
}
