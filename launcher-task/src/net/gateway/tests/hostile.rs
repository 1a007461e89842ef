//! Two Guests at the gateway, one of which takes and lies as much as it can.

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{IpProtocol, Ipv4Packet, Ipv4Repr, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber};

use super::*;
use crate::port::Plug;

/// Its address, and one that may be its but that it answers nothing from.
const A: Ipv4Address = Ipv4Address::new(10, 77, 0, 8);
const SILENT: Ipv4Address = Ipv4Address::new(10, 77, 0, 9);
const B: Ipv4Address = Ipv4Address::new(10, 77, 0, 16);

/// The hostile one, of which there is only a card, and its neighbour, which has a stack. No switch
/// holds them to what they are: the gateway must not need it.
struct Pair {
    networks: Networks<'static>,
    hostile: Plug,
    client: Client,
    now: Nanos,
}

fn pair() -> Pair {
    let (networks, plugs) = open_lan(&["a", "b"]);
    let mut client = Client::new(plugs[1], "b", false);
    client.set_address(Ipv4Cidr::new(B, 24));
    Pair { networks, hostile: plugs[0], client, now: Nanos::from_millis(1) }
}

/// A packet from `a` that asks for a connection.
fn call(from: Ipv4Address, source: u16, to: u16) -> Vec<u8> {
    let tcp = TcpRepr {
        src_port: source,
        dst_port: to,
        control: TcpControl::Syn,
        seq_number: TcpSeqNumber(1),
        ack_number: None,
        window_len: 1000,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[],
    };
    let (next_header, payload_len) = (IpProtocol::Tcp, tcp.buffer_len());
    let ip = Ipv4Repr { src_addr: from, dst_addr: GATEWAY_IP, next_header, payload_len, hop_limit: 64 };
    let mut frame = [MacAddress::derive("lan", "").0, MacAddress::derive("lan", "a").0].concat();
    frame.extend(credible::IPV4);
    frame.resize(14 + ip.buffer_len() + payload_len, 0);
    let checksums = ChecksumCapabilities::default();
    ip.emit(&mut Ipv4Packet::new_unchecked(&mut frame[14..]), &checksums);
    let (from, to) = (from.into(), GATEWAY_IP.into());
    tcp.emit(&mut TcpPacket::new_unchecked(&mut frame[34..]), &from, &to, &checksums);
    frame
}

impl Pair {
    /// The hostile one sends, and looks at nothing that comes.
    fn attack(&mut self, frame: &[u8]) {
        send(&mut self.networks, self.hostile, frame);
        while self.networks.first(self.hostile).is_some() {
            self.networks.pop(self.hostile, true);
        }
    }

    fn turns(&mut self, count: usize) {
        for _ in 0..count {
            self.now = self.now.after(TURN);
            self.client.turn(&mut self.networks, self.now);
        }
    }

    /// Asks for a connection, and returns what has come of it some turns later.
    fn connect(&mut self, port: u16) -> tcp::State {
        let buffer = || tcp::SocketBuffer::new(vec![0u8; 1024].leak());
        let mut socket = tcp::Socket::new(buffer(), buffer());
        socket.connect(self.client.stack.context(), (GATEWAY_IP, port), 40_000 + port).unwrap();
        let handle = self.client.sockets.add(socket);
        self.turns(5);
        self.client.sockets.get_mut::<tcp::Socket<'_>>(handle).state()
    }

    /// What the gateway has heard, and what it has not.
    fn counted(&self) -> (u64, u64) {
        let counters = self.networks.list()[0].relay.switch.ports()[0].counters;
        (counters.received, counters.dropped)
    }
}

#[test]
fn a_guest_that_takes_all_it_can_leaves_the_others_theirs() {
    let mut pair = pair();
    for (source, service) in (0..200u16).flat_map(|source| [7, 9, 19, 80].map(|service| (source, service))) {
        let from = if source % 2 == 0 { A } else { SILENT };
        pair.attack(&call(from, 1000 + source, service));
        if source % 16 == 0 {
            pair.turns(1);
        }
    }
    for service in [7, 9, 19, 80] {
        assert_eq!(pair.connect(service), tcp::State::Established, "{service}");
    }
}

#[test]
fn a_guest_that_begins_anew_is_heard_after_a_moment() {
    let mut bench = bench(false);
    let old = bench.connect(9);
    bench.turns(5);
    assert_eq!(bench.tcp(old).state(), tcp::State::Established);
    bench.client = Client::new(bench.client.plug, "a", false);
    bench.client.set_address(Ipv4Cidr::new(A, 24));
    let new = bench.connect(9);
    bench.turns(500);
    assert_eq!(bench.tcp(new).state(), tcp::State::SynSent, "the old one may be alive");
    bench.turns(2000);
    assert_eq!(bench.tcp(new).state(), tcp::State::Established);
}

#[test]
fn who_has_no_address_can_only_ask_for_one() {
    let mut pair = pair();
    pair.attack(&call(A, 1, 7));
    pair.attack(&call(Ipv4Address::UNSPECIFIED, 1, 7));
    pair.attack(&request());
    pair.turns(1);
    assert_eq!(pair.counted(), (2, 1));
}

#[test]
fn behind_many_lies_a_lie_is_not_heard() {
    let mut pair = pair();
    for _ in 0..=PACKETS_PER_TURN {
        pair.attack(&call(B, 1, 7));
    }
    pair.turns(1);
    assert_eq!(pair.counted(), (0, PACKETS_PER_TURN as u64));
    pair.turns(1);
    assert_eq!(pair.counted(), (0, PACKETS_PER_TURN as u64 + 1));
}

#[test]
fn options_in_a_header_are_not_heard() {
    let mut pair = pair();
    let mut frame = call(A, 1, 7);
    frame[14] = 0x46;
    pair.attack(&frame);
    pair.turns(1);
    assert_eq!(pair.counted(), (0, 1));
}
