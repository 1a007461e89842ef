//! What a Guest finds on its network without any set-up: an address, an answer to its ping, a page
//! about the Host.
//!
//! Next on the tour: `src/lan/pair.rs`.

use kit::lan::{Host, Nic};
use kit::{println, report};
use smoltcp::iface::{SocketSet, SocketStorage};
use smoltcp::socket::tcp;
use smoltcp::wire::Ipv4Address;

use super::until;

/// Asks for an address, pings the gateway and gets its page, which says how this Guest is doing.
pub fn visit<N: Nic>(mut host: Host<N>) {
    let gateway = host.ask_for_address().expect("the gateway gives addresses and tells its own");
    println!("I am {:?}, and {gateway} is my gateway", host.stack.ipv4_addr());
    host.ping(gateway).expect("the gateway answers");
    let page = get(&mut host, gateway);
    println!("the page has {page} bytes");
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
    until(host, &mut sockets, |_, sockets| {
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
    assert!(is_about_us && page.contains("\n    exits all=") && page.contains(" hypercall="), "{page}");
    len
}
