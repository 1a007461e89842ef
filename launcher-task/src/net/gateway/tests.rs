//! The gateway as a Guest's IP stack meets it.
//!
//! Longer than most files: each service is asked over the same bench, a stack on the gateway's wire.

mod hostile;

use proptest::prelude::*;
use smoltcp::iface::SocketHandle;
use smoltcp::socket::{dhcpv4, icmp, tcp, udp};
use smoltcp::wire::{Icmpv4Packet, Icmpv4Repr, IpAddress, Ipv4Cidr};

use super::*;
use crate::fakes::lan::{Client, lan, open_lan, send};
use crate::net::checksum::Sum;
use crate::net::network::Networks;
use crate::net::switch::Counters;
use crate::port::PacketPort;

const GATEWAY_IP: Ipv4Address = Ipv4Address::new(10, 77, 0, 1);
const TURN: Nanos = Nanos::from_millis(1);

/// One Guest and the gateway.
struct Bench {
    networks: Networks<'static>,
    client: Client,
    now: Nanos,
}

fn bench(is_large: bool) -> Bench {
    let (networks, plugs) = lan(&["a"]);
    let mut client = Client::new(plugs[0], "a", is_large);
    client.set_address(Ipv4Cidr::new(Ipv4Address::new(10, 77, 0, 8), 24));
    Bench { networks, client, now: Nanos::from_millis(1) }
}

impl Bench {
    fn turns(&mut self, count: usize) {
        for _ in 0..count {
            self.now = self.now.after(TURN);
            self.client.turn(&mut self.networks, self.now);
        }
    }

    fn connect(&mut self, port: u16) -> SocketHandle {
        let buffer = || tcp::SocketBuffer::new(vec![0u8; 64 << 10].leak());
        let mut socket = tcp::Socket::new(buffer(), buffer());
        socket.connect(self.client.stack.context(), (GATEWAY_IP, port), 40_000 + port).unwrap();
        self.client.sockets.add(socket)
    }

    fn tcp(&mut self, handle: SocketHandle) -> &mut tcp::Socket<'static> {
        self.client.sockets.get_mut(handle)
    }

    /// What comes back when this is sent to the page's port.
    fn request(&mut self, request: &str) -> String {
        let handle = self.connect(80);
        self.turns(5);
        self.tcp(handle).send_slice(request.as_bytes()).unwrap();
        let answer = String::from_utf8(self.hear(handle)).unwrap();
        self.client.sockets.remove(handle);
        answer
    }

    fn ports(&self) -> [Counters; 2] {
        let ports = self.networks.list()[0].relay.switch.ports();
        [ports[0].counters, ports[1].counters]
    }

    /// All that comes on a connection until the other side closes it.
    fn hear(&mut self, handle: SocketHandle) -> Vec<u8> {
        let mut heard = Vec::new();
        for _ in 0..200 {
            self.turns(1);
            let mut bytes = [0; 4096];
            while let Ok(len @ 1..) = self.tcp(handle).recv_slice(&mut bytes) {
                heard.extend_from_slice(&bytes[..len]);
            }
            if !self.tcp(handle).may_recv() && self.tcp(handle).may_send() {
                self.tcp(handle).close();
            }
        }
        heard
    }
}

#[test]
fn a_guest_gets_an_address_of_its_port() {
    let (mut networks, plugs) = lan(&["a", "b"]);
    for (which, guest) in ["a", "b"].into_iter().enumerate() {
        let mut client = Client::new(plugs[which], guest, false);
        let handle = client.sockets.add(dhcpv4::Socket::new());
        let mut got = None;
        for turn in 1..100 {
            client.turn(&mut networks, Nanos::from_millis(turn * 10));
            if let Some(dhcpv4::Event::Configured(config)) =
                client.sockets.get_mut::<dhcpv4::Socket<'_>>(handle).poll()
            {
                got = Some((config.address, config.router, config.dns_servers.first().copied()));
            }
        }
        let own = Ipv4Cidr::new(Ipv4Address::new(10, 77, 0, 8 * (which as u8 + 1)), 24);
        assert_eq!(got, Some((own, Some(GATEWAY_IP), Some(GATEWAY_IP))), "{guest}");
    }
}

#[test]
fn it_answers_a_ping() {
    let mut bench = bench(false);
    let buffer = || icmp::PacketBuffer::new(vec![icmp::PacketMetadata::EMPTY; 4].leak(), vec![0; 256].leak());
    let mut socket = icmp::Socket::new(buffer(), buffer());
    socket.bind(icmp::Endpoint::Ident(7)).unwrap();
    let echo = Icmpv4Repr::EchoRequest { ident: 7, seq_no: 1, data: b"are you there" };
    let room = socket.send(echo.buffer_len(), IpAddress::Ipv4(GATEWAY_IP)).unwrap();
    echo.emit(&mut Icmpv4Packet::new_unchecked(room), &Default::default());
    let handle = bench.client.sockets.add(socket);
    bench.turns(10);
    let (answer, from) = bench.client.sockets.get_mut::<icmp::Socket<'_>>(handle).recv().unwrap();
    let answer = Icmpv4Repr::parse(&Icmpv4Packet::new_checked(answer).unwrap(), &Default::default()).unwrap();
    assert_eq!(from, IpAddress::Ipv4(GATEWAY_IP));
    assert_eq!(answer, Icmpv4Repr::EchoReply { ident: 7, seq_no: 1, data: b"are you there" });
}

/// Sends a datagram to the gateway, and returns what comes back.
fn ask(bench: &mut Bench, port: u16, content: &[u8]) -> Option<Vec<u8>> {
    let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 4].leak(), vec![0; 8192].leak());
    let mut socket = udp::Socket::new(buffer(), buffer());
    socket.bind(4000).unwrap();
    socket.send_slice(content, (GATEWAY_IP, port)).unwrap();
    let handle = bench.client.sockets.add(socket);
    bench.turns(10);
    let socket = bench.client.sockets.get_mut::<udp::Socket<'_>>(handle);
    let answer = socket.recv().ok().map(|(content, from)| {
        assert_eq!((from.endpoint.addr, from.endpoint.port), (GATEWAY_IP.into(), port));
        content.to_vec()
    });
    bench.client.sockets.remove(handle);
    answer
}

#[test]
fn what_is_sent_to_echo_comes_back_over_udp_if_a_wire_takes_it() {
    let mut bench = bench(true);
    for (len, comes_back) in [(0, true), (1, true), (1472, true), (1473, false)] {
        let content: Vec<u8> = (0..len).map(|place| place as u8).collect();
        assert_eq!(ask(&mut bench, 7, &content), comes_back.then_some(content), "{len}");
    }
    assert_eq!(ask(&mut bench, 9, b"nothing"), None);
}

#[test]
fn it_knows_the_names_of_the_guests() {
    let mut bench = bench(false);
    let names = [("a", [10, 77, 0, 8]), ("GATEWAY", [10, 77, 0, 1])];
    for (name, address) in names {
        let head = [7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, name.len() as u8];
        let query = [&head[..], name.as_bytes(), &[0, 0, 1, 0, 1]].concat();
        let answer = ask(&mut bench, 53, &query).unwrap();
        assert!(answer.starts_with(&[7, 7, 0x85, 0]) && answer.ends_with(&address), "{name}: {answer:x?}");
    }
}

#[test]
fn the_page_shows_a_guest_itself_and_names_of_its_neighbours() {
    let (networks, plugs) = lan(&["a", "b"]);
    let mut client = Client::new(plugs[1], "b", false);
    client.set_address(Ipv4Cidr::new(Ipv4Address::new(10, 77, 0, 16), 24));
    let mut bench = Bench { networks, client, now: Nanos::from_millis(1) };
    let page = bench.request("GET / HTTP/1.0\r\n\r\n");
    let text =
        "guest b: is well\n\nwho is on this network:\ngateway 10.77.0.1\na 10.77.0.8\nb 10.77.0.16\n</pre>";
    assert!(page.starts_with("HTTP/1.0 200 OK\r\n") && page.contains(text), "{page}");
    assert!(!page.contains("guest a"), "{page}");
    bench.networks.unplug(plugs[0]);
    assert!(!bench.request("GET / HTTP/1.0\r\n\r\n").contains("a 10.77.0.8"), "it is gone");
}

#[test]
fn an_answer_has_the_length_it_says() {
    let mut bench = bench(false);
    for (request, status) in [("GET /", "200 OK"), ("GET /x", "404 Not Found"), ("PUT /", "405 Method Not")] {
        let answer = bench.request(&format!("{request} HTTP/1.1\r\nHost: gateway\r\n\r\n"));
        let (head, content) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{head}");
        assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", content.len())), "{answer}");
    }
    let (get, head) = (bench.request("GET / HTTP/1.0\r\n\r\n"), bench.request("HEAD / HTTP/1.0\r\n\r\n"));
    assert!(get.starts_with(&head) && head.ends_with("\r\n\r\n"), "{head}");
}

#[test]
fn what_is_sent_to_echo_comes_back_over_tcp_with_and_without_large_packets() {
    for is_large in [false, true] {
        let mut bench = bench(is_large);
        let handle = bench.connect(7);
        bench.turns(5);
        let text: Vec<u8> = (0..50_000u32).map(|number| ((number * 7) >> 3) as u8).collect();
        let (mut sent, mut heard) = (0, Vec::new());
        for _ in 0..2000 {
            sent += bench.tcp(handle).send_slice(&text[sent..]).unwrap();
            bench.turns(1);
            let mut bytes = [0; 4096];
            while let Ok(len @ 1..) = bench.tcp(handle).recv_slice(&mut bytes) {
                heard.extend_from_slice(&bytes[..len]);
            }
        }
        assert!(heard == text, "{} of {} bytes came back", heard.len(), text.len());
    }
}

#[test]
fn it_takes_large_packets_and_sends_without_end() {
    let mut bench = bench(true);
    let (discard, source) = (bench.connect(9), bench.connect(19));
    bench.turns(5);
    let before = bench.ports()[1].sent;
    let mut sent = 0;
    let mut text = Vec::new();
    for _ in 0..100 {
        sent += bench.tcp(discard).send_slice(&[b'x'; 60_000]).unwrap();
        bench.turns(1);
        let mut bytes = [0; 4096];
        while let Ok(len @ 1..) = bench.tcp(source).recv_slice(&mut bytes) {
            text.extend_from_slice(&bytes[..len]);
        }
    }
    assert!(sent > 1_000_000 && text.len() > 100_000, "{sent} out, {} in", text.len());
    let packets = bench.ports()[1].sent - before;
    assert!((packets as usize) < sent / 1460, "{packets} packets for {sent} bytes");
    let lines: Vec<&[u8]> = text.split(|&byte| byte == b'\n').collect();
    assert!(lines[0].starts_with(b" !\"#$%&'()*+") && lines[1].starts_with(b"!\"#$%&'()*+,"));
    assert!(lines[..lines.len() - 1].iter().all(|line| line.len() == 73), "72 letters and a return");
}

#[test]
fn an_idle_connection_is_cut() {
    let mut bench = bench(false);
    let handle = bench.connect(7);
    bench.turns(5);
    assert_eq!(bench.tcp(handle).state(), tcp::State::Established);
    bench.now = bench.now.after(service::IDLE);
    bench.turns(3);
    assert_eq!(bench.tcp(handle).state(), tcp::State::Closed);
}

#[test]
fn who_calls_after_a_long_silence_is_heard() {
    let mut bench = bench(false);
    bench.connect(9); // from here on it knows where the gateway is, and need not ask
    bench.turns(5);
    bench.now = bench.now.after(service::IDLE).after(service::IDLE);
    let handle = bench.connect(7);
    bench.turns(5);
    assert_eq!(bench.tcp(handle).state(), tcp::State::Established);
}

#[test]
fn a_connection_is_closed_by_both() {
    let mut bench = bench(false);
    let handle = bench.connect(80);
    bench.turns(5);
    bench.tcp(handle).send_slice(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    bench.hear(handle);
    assert_eq!(bench.tcp(handle).state(), tcp::State::Closed, "its own end was acknowledged at once");
}

#[test]
fn nobody_speaks_to_the_gateway_in_another_s_name() {
    for (is_open, is_dropped) in [(false, false), (true, true)] {
        let (networks, plugs) = if is_open { open_lan(&["a"]) } else { lan(&["a"]) };
        let mut bench = Bench { networks, client: Client::new(plugs[0], "a", false), now: Nanos(1) };
        bench.client.set_address(Ipv4Cidr::new(Ipv4Address::new(10, 77, 0, 16), 24));
        let handle = bench.connect(7);
        bench.turns(3000);
        assert_eq!(bench.tcp(handle).state(), tcp::State::SynSent);
        let [gateway, client] = bench.ports();
        assert_eq!((gateway.dropped > 0, gateway.received), (is_dropped, 0));
        assert_eq!(client.refused.all() > 0, !is_open);
    }
}

#[test]
fn a_wrong_checksum_is_not_heard() {
    let mut bench = bench(false);
    let good = crate::fakes::frames::tcp4(0x02, b"");
    for (place, heard) in [(None, 1), (Some(50), 0), (Some(44), 0), (Some(24), 0)] {
        let mut frame = good.clone();
        frame[..6].copy_from_slice(&MacAddress::derive("lan", "").0);
        frame[6..12].copy_from_slice(&MacAddress::derive("lan", "a").0);
        if let Some(place) = place {
            frame[place] ^= 0x40;
        }
        let before = bench.ports()[0];
        send(&mut bench.networks, bench.client.plug, &frame);
        bench.networks.turn(&|_, _| Ok(()));
        let after = bench.ports()[0];
        assert_eq!(after.received - before.received, heard, "{place:?}");
        assert_eq!(after.dropped - before.dropped, 1 - heard, "{place:?}");
    }
}

#[test]
fn nothing_it_hears_or_answers_takes_memory() {
    let mut bench = bench(false);
    let handle = bench.connect(7);
    bench.turns(5);
    for turn in 0..200u32 {
        bench.tcp(handle).send_slice(&[turn as u8; 700]).unwrap();
        while bench.tcp(handle).recv(|bytes| (bytes.len(), ())).is_ok_and(|()| bench.tcp(handle).can_recv()) {
        }
        send(&mut bench.networks, bench.client.plug, &request());
        bench.now = bench.now.after(TURN);
        let taken = bench.client.turn_counting(&mut bench.networks, bench.now);
        assert_eq!(taken, 0, "turn {turn}");
    }
    assert!(bench.ports()[0].received > 400 && bench.ports()[1].received > 400, "{:?}", bench.ports());
}

#[test]
fn a_turn_takes_a_bounded_number_of_packets() {
    let mut bench = bench(false);
    let mut frame = vec![0xFF; 60];
    frame[6..12].copy_from_slice(&MacAddress::derive("lan", "a").0);
    frame[12..22].copy_from_slice(&[8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
    frame[22..28].copy_from_slice(&MacAddress::derive("lan", "a").0);
    frame[28..32].fill(0);
    for _ in 0..500 {
        send(&mut bench.networks, bench.client.plug, &frame);
    }
    bench.networks.turn(&|_, _| Ok(()));
    let taken = bench.ports()[0].received;
    assert!(taken > 0 && taken <= PACKETS_PER_TURN as u64, "{taken}");
    assert_eq!(bench.networks.due(), Nanos(0), "it wants another");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Requests with a few bytes changed, and other frames of all kinds.
    #[test]
    fn any_frame_is_answered_or_not(
        frames in proptest::collection::vec(
            (proptest::collection::vec(any::<u8>(), 0..400), 0usize..4, proptest::collection::vec((0usize..300, any::<u8>()), 0..6)),
            1..30,
        ),
    ) {
        let mut bench = bench(false);
        for (noise, kind, changes) in frames {
            let mut frame = match kind {
                0 => crate::fakes::frames::tcp4(0x02, &noise),
                1 => request(),
                2 => [vec![0xFF; 12], vec![8, 6, 0, 1, 8, 0, 6, 4, 0, 1], noise].concat(),
                _ => [vec![0xFF; 12], noise].concat(),
            };
            for (place, byte) in changes {
                if let Some(old) = frame.get_mut(place) {
                    *old = byte;
                }
            }
            if frame.len() >= 12 {
                frame[..6].copy_from_slice(&MacAddress::derive("lan", "").0);
                frame[6..12].copy_from_slice(&MacAddress::derive("lan", "a").0);
            }
            send(&mut bench.networks, bench.client.plug, &frame);
            bench.networks.turn(&|_, _| Ok(()));
            while bench.networks.first(bench.client.plug).is_some() {
                bench.networks.pop(bench.client.plug, true);
            }
        }
    }
}

/// Puts the checksum of an IPv4 header right.
fn put_header_checksum(frame: &mut [u8]) {
    frame[24..26].fill(0);
    let sum = Sum::ZERO.plus(&frame[14..34]).checksum();
    frame[24..26].copy_from_slice(&sum.to_be_bytes());
}

/// A DISCOVER as a client sends it, without a UDP checksum.
fn request() -> Vec<u8> {
    let mut frame = vec![0xFF; 6];
    frame.extend(MacAddress::derive("lan", "a").0);
    frame.extend([8, 0, 0x45, 0, 1, 16, 0, 0, 0, 0, 64, 17, 0, 0]);
    frame.extend([0, 0, 0, 0, 255, 255, 255, 255, 0, 68, 0, 67, 0, 252, 0, 0]);
    frame.extend([1, 1, 6, 0, 1, 2, 3, 4]);
    frame.extend([0; 20]);
    frame.extend(MacAddress::derive("lan", "a").0);
    frame.extend([0; 202]);
    frame.extend([0x63, 0x82, 0x53, 0x63, 53, 1, 1, 255]);
    put_header_checksum(&mut frame);
    frame
}
