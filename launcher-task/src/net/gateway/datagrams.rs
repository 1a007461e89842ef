//! What the gateway answers to over UDP, without any state: a datagram in, at most one out.
//!
//! ```text
//!   port  what
//!      7  echo: it comes back
//!      9  discard: it is swallowed
//!     53  names of the Guests on this network ([`super::dns`])
//!     67  addresses ([`super::dhcp`])
//! ```
//!
//! An answer is a whole frame, back to the card that asked, made before the
//! next packet is looked at. So there is no buffer that one Guest could fill
//! and another find full, and no IP stack to wait for a neighbour that does not
//! answer. Other ports are the stack's, which says that nobody is there.
//!
//! Invariants: no answer is longer than a wire takes
//! (`what_is_sent_to_echo_comes_back_over_udp_if_a_wire_takes_it`).
//!
//! Source: RFC 768, 862 and 863.
//!
//! Next on the tour: [`super::dhcp`].

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr, IpProtocol, Ipv4Address, Ipv4Packet,
    Ipv4Repr, UdpPacket, UdpRepr,
};

use crate::net::layers::ETHERNET_LEN;

/// Port of the echo.
pub const ECHO: u16 = 7;
/// Port of discard.
pub const DISCARD: u16 = 9;
/// Port of the names.
pub const NAMES: u16 = 53;
/// Bytes a datagram's content may have on a wire.
pub const CONTENT_MAX: usize = 1500 - 20 - 8;
const HOPS: u8 = 64;

/// One end of a datagram's way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct End {
    /// Its card's address.
    pub card: EthernetAddress,
    /// Its IP address.
    pub address: Ipv4Address,
    /// Its port.
    pub port: u16,
}

/// A datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Datagram<'p> {
    /// Who sent it.
    pub from: End,
    /// Whom it is for.
    pub to: End,
    /// What it says.
    pub content: &'p [u8],
}

impl<'p> Datagram<'p> {
    /// Reads a frame that is one.
    pub fn parse(frame: &'p [u8]) -> Option<Self> {
        let ethernet = EthernetFrame::new_checked(frame).ok()?;
        if ethernet.ethertype() != EthernetProtocol::Ipv4 {
            return None;
        }
        let ip = Ipv4Packet::new_checked(ethernet.payload()).ok()?;
        if ip.next_header() != IpProtocol::Udp || ip.more_frags() || ip.frag_offset() != 0 {
            return None;
        }
        let udp = UdpPacket::new_checked(ip.payload()).ok()?;
        Some(Self {
            from: End { card: ethernet.src_addr(), address: ip.src_addr(), port: udp.src_port() },
            to: End { card: ethernet.dst_addr(), address: ip.dst_addr(), port: udp.dst_port() },
            content: udp.payload(),
        })
    }
}

/// Puts `len` bytes that `write` makes into UDP, IP and Ethernet; says how long the frame is.
pub fn wrap(from: End, to: End, len: usize, write: impl FnOnce(&mut [u8]), into: &mut [u8]) -> Option<usize> {
    let checksums = ChecksumCapabilities::default();
    let udp = UdpRepr { src_port: from.port, dst_port: to.port };
    let ip = Ipv4Repr {
        src_addr: from.address,
        dst_addr: to.address,
        next_header: IpProtocol::Udp,
        payload_len: udp.header_len() + len,
        hop_limit: HOPS,
    };
    let whole = ETHERNET_LEN + ip.buffer_len() + ip.payload_len;
    let bytes = into.get_mut(..whole).filter(|_| len <= CONTENT_MAX)?;
    let ethernet = EthernetRepr { src_addr: from.card, dst_addr: to.card, ethertype: EthernetProtocol::Ipv4 };
    let mut frame = EthernetFrame::new_unchecked(bytes);
    ethernet.emit(&mut frame);
    let mut packet = Ipv4Packet::new_unchecked(frame.payload_mut());
    ip.emit(&mut packet, &checksums);
    let mut datagram = UdpPacket::new_unchecked(packet.payload_mut());
    udp.emit(&mut datagram, &from.address.into(), &to.address.into(), len, write, &checksums);
    Some(whole)
}
