//! What a port may say in IPv6: addresses made of its card's, and nothing a router says.
//!
//! ```text
//!   header | extensions ... | ICMPv6: neighbour solicited, advertised | options: my card is ...
//!   source   at most STEPS            whose address?                    at most STEPS
//! ```
//!
//! Neighbour discovery takes the part of ARP here, and its messages may stand
//! behind extension headers. Whatever has so many that the message is not
//! found is refused, and so is a message that comes in fragments.
//!
//! Source: RFC 4861, 4; RFC 4291, 2.5.1 "Interface Identifiers"; RFC 6980; RFC 7112; RFC 7113.
//!
//! Next on the tour: [`super::super::table`].

use super::{Identity, Judged, TCP, UDP, UDP_LITE, is_servers};
use crate::net::{
    mac::MacAddress,
    refusal::Refusal::{self, Ipv6Source, Malformed, Server},
};

const HEADER_LEN: usize = 40;
/// Most extension headers, and most options, that are looked at.
const STEPS: usize = 16;
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const ICMP: u8 = 58;
const DESTINATION: u8 = 60;
const MOBILITY: u8 = 135;
/// Kinds of ICMPv6 message.
const ROUTER_SOLICITED: u8 = 133;
const ROUTER_ADVERTISED: u8 = 134;
const NEIGHBOUR_SOLICITED: u8 = 135;
const NEIGHBOUR_ADVERTISED: u8 = 136;
const REDIRECT: u8 = 137;
/// Options that name the card of a message's sender, and of its target.
const SENDERS_CARD: u8 = 1;
const TARGETS_CARD: u8 = 2;
/// Ports of DHCPv6.
const DHCP_SERVER: u16 = 547;
const DHCP_CLIENT: u16 = 546;

/// What stands behind the extension headers.
struct Transport {
    kind: u8,
    at: usize,
    is_fragment: bool,
    /// It is not there, for this is a later fragment.
    is_elsewhere: bool,
}

impl Identity {
    /// Judges an IPv6 packet.
    pub(super) fn ipv6(&self, packet: &[u8]) -> Result<Judged, Refusal> {
        let source = packet.get(8..24).filter(|_| packet[0] >> 4 == 6).ok_or(Malformed)?;
        let transport = find_transport(packet).ok_or(Malformed)?;
        let is_nobody = source == [0; 16];
        if !(self.made(source) || is_nobody && transport.kind == ICMP) {
            return Err(Ipv6Source);
        }
        let Transport { kind, at, is_fragment, is_elsewhere } = transport;
        if is_elsewhere {
            return Ok(Judged { transport: at, checksum: None, end: at });
        }
        let behind = &packet[at..];
        let judged = |checksum, len| Judged { transport: at, checksum: Some(checksum), end: at + len };
        match kind {
            UDP if is_servers(behind.get(..8).ok_or(Malformed)?, DHCP_SERVER, DHCP_CLIENT) => Err(Server),
            UDP | UDP_LITE => Ok(judged(6, 8)),
            TCP => Ok(judged(16, 20)),
            ICMP => self.discovery(behind, is_fragment).map(|()| judged(2, behind.len())),
            _ => Ok(Judged { transport: at, checksum: None, end: at }),
        }
    }

    /// Whether an address's lower half is made of its card's: with FFFE in the middle, and the bit
    /// turned round that says who gave it.
    fn made(&self, address: &[u8]) -> bool {
        let MacAddress([a, b, c, d, e, f]) = self.mac;
        address[8..16] == [a ^ 2, b, c, 0xFF, 0xFE, d, e, f] && address[0] != 0xFF
    }

    /// Judges a message of ICMPv6, as far as it is one of neighbour discovery.
    fn discovery(&self, message: &[u8], is_fragment: bool) -> Result<(), Refusal> {
        let kind = *message.first().ok_or(Malformed)?;
        let (options, card) = match kind {
            ROUTER_ADVERTISED | REDIRECT => return Err(Server),
            ROUTER_SOLICITED => (8, SENDERS_CARD),
            NEIGHBOUR_SOLICITED => (24, SENDERS_CARD),
            NEIGHBOUR_ADVERTISED => (24, TARGETS_CARD),
            _ => return Ok(()),
        };
        if is_fragment {
            return Err(Malformed);
        }
        if kind == NEIGHBOUR_ADVERTISED && !self.made(message.get(8..24).ok_or(Malformed)?) {
            return Err(Ipv6Source);
        }
        self.options(message.get(options..).ok_or(Malformed)?, card)
    }

    /// Judges the options of a message: which card is said to be behind an address.
    fn options(&self, mut options: &[u8], card: u8) -> Result<(), Refusal> {
        for _ in 0..STEPS {
            let &[kind, len, ..] = options else { break };
            let (option, rest) = options.split_at_checked(8 * usize::from(len)).ok_or(Malformed)?;
            if len == 0 {
                return Err(Malformed);
            }
            if kind == card && option[2..8] != self.mac.0 {
                return Err(Ipv6Source);
            }
            options = rest;
        }
        if options.len() < 2 { Ok(()) } else { Err(Malformed) }
    }
}

/// Walks over the extension headers; `None` if they do not end in the packet, or are too many.
fn find_transport(packet: &[u8]) -> Option<Transport> {
    let (mut kind, mut at, mut is_fragment) = (*packet.get(6)?, HEADER_LEN, false);
    for _ in 0..STEPS {
        let header = packet.get(at..)?;
        let units = usize::from(*header.get(1).unwrap_or(&0));
        let len = match kind {
            HOP_BY_HOP | ROUTING | DESTINATION | MOBILITY => 8 * (units + 1),
            AUTHENTICATION => 4 * (units + 2),
            FRAGMENT => {
                is_fragment = true;
                let is_elsewhere = *header.get(2)? != 0 || header.get(3)? & 0xF8 != 0;
                if is_elsewhere {
                    return Some(Transport { kind, at: at + 8, is_fragment, is_elsewhere });
                }
                8
            }
            _ => return Some(Transport { kind, at, is_fragment, is_elsewhere: false }),
        };
        kind = *header.first()?;
        at += len;
    }
    None
}
