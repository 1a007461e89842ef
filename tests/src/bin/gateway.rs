//! The gateway on a real wire: what a Guest's card is plugged into, plugged into a Linux network
//! interface instead, for clients that nobody here wrote.
//!
//! ```text
//!   dhclient, dig ... -- v0 === v1 -- this program -- switch -- gateway
//!                     one pair of virtual interfaces, in a network namespace of their own
//! ```
//!
//! It takes the name of the interface and the address of the card at its other end. Where Linux has
//! left a checksum or large packets to a card, the header says so, as a driver in a Guest would.
//! Packets that are refused are reported, with the reason.
//!
//! Next on the tour: `tests/machine/clients.rs`.
#![forbid(unsafe_code)]

use std::error::Error;
use std::fmt::Write;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};
use std::{env, io};

use abi::Nanos;
use launcher_task::net::cutter::Cut;
use launcher_task::net::gateway::connections::Shelf;
use launcher_task::net::gateway::credible::{TRANSPORT, pseudo_header, transport};
use launcher_task::net::header::{HEADER_LEN, Large, Offload};
use launcher_task::net::mac::MacAddress;
use launcher_task::net::network::Networks;
use launcher_task::net::room::Room;
use launcher_task::net::unfinished::Unfinished;
use launcher_task::port::{PacketPort, Plug};
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, bind, socket};

/// Longest frame Linux hands over, and longest one on the wire.
const FRAME_MAX: usize = 65_550;
const WIRE_MAX: usize = 1514;
const SEGMENT: u16 = 1460;

fn main() -> Result<(), Box<dyn Error>> {
    let [interface, address] = env::args()
        .skip(1)
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|_| "say the interface's name, and the address of the card at its other end")?;
    let address = MacAddress::parse(&address).ok_or("this is no card's address")?;
    let wire = wire(&interface)?;
    let mut room = Room::new(vec![0; Networks::room(1, 2, 0)].leak());
    let mut networks = Networks::new(&mut room);
    networks.add("lan", 2, 7, &mut room, Box::leak(Box::new(Shelf::new(2))));
    let plug = networks.plug(0, "client", address, false, &mut room).ok_or("no port")?;
    let other = MacAddress::derive("lan", "neighbour");
    networks.plug(0, "neighbour", other, false, &mut room).ok_or("no port")?;
    println!("gateway: it is on {interface}");
    serve(&wire, &mut networks, plug)
}

/// A socket for whole frames on an interface; any socket can be read from and written to as if it
/// were one of UDP.
fn wire(interface: &str) -> Result<UdpSocket, Box<dyn Error>> {
    let raw = socket(AddressFamily::Packet, SockType::Raw, SockFlag::empty(), SockProtocol::EthAll)?;
    let mut all = getifaddrs()?.filter(|one| one.interface_name == interface);
    let link = all.find_map(|one| one.address?.as_link_addr().copied()).ok_or("no such interface")?;
    bind(raw.as_raw_fd(), &link)?;
    let wire = UdpSocket::from(raw);
    wire.set_read_timeout(Some(Duration::from_millis(5)))?;
    Ok(wire)
}

fn serve(wire: &UdpSocket, networks: &mut Networks<'_>, plug: Plug) -> Result<(), Box<dyn Error>> {
    let (start, mut frame, mut refused) = (Instant::now(), vec![0; FRAME_MAX], String::new());
    let about = |guest: &str, out: &mut dyn Write| writeln!(out, "guest {guest}: runs in a namespace");
    loop {
        networks.now = Nanos(start.elapsed().as_nanos() as u64);
        match wire.recv(&mut frame) {
            Ok(len) => {
                let fill = &mut |room: &mut [u8]| {
                    room.copy_from_slice(&frame[..len]);
                    Ok(())
                };
                let sent = networks.send(plug, header(&frame[..len]), !0, len, fill);
                sent.map_err(|why| format!("{why:?}"))?;
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(error) => return Err(error.into()),
        }
        networks.turn(&about);
        while let Some(packet) = networks.first(plug) {
            let cut = Cut::new(packet.frame, packet.offload, 0);
            for piece in 0..cut.pieces() {
                wire.send(&whole(&cut, piece, packet.frame))?;
            }
            networks.pop(plug, true);
        }
        let now = networks.list()[plug.network].relay.switch.ports()[plug.port].counters.refused.to_string();
        if now != refused {
            println!("gateway:{now}");
            refused = now;
        }
    }
}

/// The header a driver would have put before a frame of Linux's.
fn header(frame: &[u8]) -> [u8; HEADER_LEN] {
    let Some((kind, offset)) = transport(frame) else { return Offload::NONE.to_wire(0) };
    let at = TRANSPORT + usize::from(offset);
    let is_left = frame[at..at + 2] == pseudo_header(frame, kind).folded().to_be_bytes();
    let checksum = is_left.then_some(Unfinished { start: TRANSPORT as u16, offset });
    let is_large = is_left && offset == 16 && frame.len() > WIRE_MAX;
    let large = is_large.then_some(Large { is_v6: false, has_ecn: false, segment: SEGMENT });
    Offload { checksum, large }.to_wire(0)
}

/// A piece of a frame as it goes over a wire.
fn whole(cut: &Cut, piece: usize, frame: &[u8]) -> Vec<u8> {
    match cut {
        Cut::Whole(_) => frame.to_vec(),
        Cut::Summed { at, checksum } => {
            [&frame[..*at], &checksum.to_be_bytes()[..], &frame[at + 2..]].concat()
        }
        Cut::Segments(segments) => {
            let segment = segments.segment(piece, frame);
            [segment.headers(), &frame[segment.data.clone()]].concat()
        }
    }
}
