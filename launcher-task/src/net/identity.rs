//! Who a port is, and whether a frame of its card says so.
//!
//! Guests on one network are neighbours, not friends. So a port speaks only as
//! itself, and everything it may say about itself is known before it speaks:
//! its card has one MAC address, its IPv4 addresses are counted from its
//! number ([`Subnet`]), and an IPv6 address is its own if its lower half is
//! made of the MAC address, as Linux makes it.
//!
//! ```text
//!   frame --> MAC address --> behind the tags:  ARP    whose address?          arp()
//!                                               IPv4   from whom? a server?    ipv4()
//!                                               IPv6   from whom? a router?    ipv6.rs
//!                                               other kinds say no more
//! ```
//!
//! Whoever has no address yet may say so, and ask for one. What a checksum is
//! to be written into later must lie behind everything that was judged, or a
//! frame could be made a lie by finishing its sum. A card whose line says
//! `open` has no identity to be held to.
//!
//! Invariants:
//! - Nobody is taken for another (`a_lie_about_the_sender_is_refused`,
//!   `a_tag_hides_no_lie`).
//! - What an ordinary client says is heard (`what_ordinary_clients_say_is_heard`).
//! - No checksum changes what was judged (`a_checksum_goes_where_nothing_was_judged`).
//! - A frame is judged in a bounded number of steps, whatever it is (`any_frame_is_judged`).
//!
//! Source: RFC 826; RFC 791, 3.1; RFC 2131, 4.1; RFC 7039, "Source Address Validation Improvement".
//!
//! Next on the tour: [`super::table`].

mod ipv6;

use super::{
    layers::{ARP, Content, IPV4, IPV6, RARP},
    mac::{MAC_LEN, MacAddress},
    refusal::Refusal::{self, ArpSender, Ipv4Source, Mac, Malformed, Server},
    subnet::{PER_PORT, Subnet},
    unfinished::Unfinished,
};

const ICMP: u8 = 1;
const IGMP: u8 = 2;
const TCP: u8 = 6;
const UDP: u8 = 17;
const UDP_LITE: u8 = 136;
/// Hardware is Ethernet, the protocol IPv4, with six and four bytes of address.
const ARP_SHAPE: [u8; 6] = [0, 1, 8, 0, 6, 4];
const ARP_LEN: usize = 28;
const ARP_REQUEST: u8 = 1;
const RARP_REQUEST: u8 = 3;
/// Ports of DHCP and BOOTP.
const DHCP_SERVER: u16 = 67;
const DHCP_CLIENT: u16 = 68;
/// Kinds of ICMP message only a router sends to those on its own network.
const REDIRECT: u8 = 5;
const ROUTER_IS_HERE: u8 = 9;

/// What a port may say it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Identity {
    mac: MacAddress,
    /// The first of its IPv4 addresses.
    first: u32,
}

/// What has been judged of a packet, for [`Identity::judge`] to see that no sum goes there.
struct Judged {
    /// Where the next header begins.
    transport: usize,
    /// Where in it its own checksum is, if that may be left to others.
    checksum: Option<u16>,
    /// Where nothing more is judged.
    end: usize,
}

impl Identity {
    /// The one that port `port` of a network with these addresses has, whose card has the address `mac`.
    pub fn new(mac: MacAddress, subnet: Subnet, port: usize) -> Self {
        Self { mac, first: u32::from_be_bytes(subnet.of_port(port, 0).octets()) }
    }

    /// Judges a frame of its card, and the checksum that is still to be written into it.
    ///
    /// # Errors
    /// What it lies about.
    pub fn judge(&self, frame: &[u8], unfinished: Option<Unfinished>) -> Result<(), Refusal> {
        let content = Content::find(frame).ok_or(Malformed)?;
        if MacAddress::at(frame, MAC_LEN) != self.mac {
            return Err(Mac);
        }
        let packet = &frame[content.at..];
        let judged = match content.kind {
            IPV4 => self.ipv4(packet)?,
            IPV6 => self.ipv6(packet)?,
            ARP => self.arp(packet)?,
            // Its answers come from a server, and nobody here is one.
            RARP if packet.get(7) != Some(&RARP_REQUEST) => return Err(Server),
            RARP => self.arp(packet)?,
            _ => Judged { transport: 0, checksum: None, end: 0 },
        };
        match unfinished {
            None => Ok(()),
            Some(sum) if judged.leaves(sum, content.at) => Ok(()),
            Some(_) => Err(Malformed),
        }
    }

    /// Whether an address is one of its own.
    fn has(&self, address: &[u8]) -> bool {
        let &[a, b, c, d] = address else { return false };
        let is_its_own = (u32::from_be_bytes([a, b, c, d]) ^ self.first) < u32::from(PER_PORT);
        is_its_own && d != u8::MAX
    }

    /// Judges an ARP packet: its sender's addresses, or none for who only asks.
    fn arp(&self, packet: &[u8]) -> Result<Judged, Refusal> {
        let arp = packet.get(..ARP_LEN).filter(|arp| arp[..6] == ARP_SHAPE).ok_or(Malformed)?;
        let is_asking = arp[7] == ARP_REQUEST || arp[7] == RARP_REQUEST;
        let is_nobody = is_asking && arp[14..18] == [0; 4];
        if arp[8..14] != self.mac.0 || !is_nobody && !self.has(&arp[14..18]) {
            return Err(ArpSender);
        }
        Ok(Judged { transport: 0, checksum: None, end: packet.len() })
    }

    /// Judges an IPv4 packet.
    fn ipv4(&self, packet: &[u8]) -> Result<Judged, Refusal> {
        let header = packet.get(..20).ok_or(Malformed)?;
        let transport = 4 * usize::from(header[0] & 0xF);
        if header[0] >> 4 != 4 || !(20..=packet.len()).contains(&transport) {
            return Err(Malformed);
        }
        let is_first = header[6] & 0x1F == 0 && header[7] == 0;
        let behind = &packet[transport..];
        if !(self.has(&header[12..16]) || is_first && is_nobody(header, behind)) {
            return Err(Ipv4Source);
        }
        if !is_first {
            return Ok(Judged { transport, checksum: None, end: transport });
        }
        let judged = |checksum, len| Judged { transport, checksum: Some(checksum), end: transport + len };
        match header[9] {
            UDP if is_servers(behind.get(..8).ok_or(Malformed)?, DHCP_SERVER, DHCP_CLIENT) => Err(Server),
            UDP | UDP_LITE => Ok(judged(6, 8)),
            ICMP if matches!(behind.first().ok_or(Malformed)?, &(REDIRECT | ROUTER_IS_HERE)) => Err(Server),
            ICMP => Ok(judged(2, 1)),
            TCP => Ok(judged(16, 20)),
            _ => Ok(Judged { transport, checksum: None, end: transport }),
        }
    }
}

impl Judged {
    /// Whether a sum may be written there: at its own protocol's place, or behind what was judged.
    fn leaves(&self, sum: Unfinished, packet_at: usize) -> bool {
        let (start, end) = (usize::from(sum.start), packet_at + self.end);
        start >= end || start == packet_at + self.transport && self.checksum == Some(sum.offset)
    }
}

/// Whether a packet is from nobody, who may ask for an address or say which groups it listens to.
fn is_nobody(header: &[u8], behind: &[u8]) -> bool {
    let asks = header[9] == UDP && behind.get(2..4).is_some_and(|to| to == DHCP_SERVER.to_be_bytes());
    header[12..16] == [0; 4] && (asks || header[9] == IGMP)
}

/// Whether a datagram is of a server for addresses, or for one of its clients.
fn is_servers(udp: &[u8], server: u16, client: u16) -> bool {
    udp[..2] == server.to_be_bytes() || udp[2..4] == client.to_be_bytes()
}

#[cfg(test)]
mod tests;
