//! DHCP: tells a Guest its address, the gateway's and the name server's.
//!
//! The port a request comes from says which addresses it may have
//! ([`Subnet`]), so there is nothing to run out of: a Guest that asks under a
//! thousand names uses up its own eight. A lease is remembered only for cards
//! behind a card.
//!
//! ```text
//!   DISCOVER --> OFFER      REQUEST --> ACK, or NAK if it wants what it may not have
//! ```
//!
//! The answer goes to everybody's address, for a client has none yet, but to its
//! card alone if it hears what is sent there.
//!
//! Invariants:
//! - An answer goes to the card that asked, with an address of its port
//!   (`a_guest_gets_an_address_of_its_port`).
//! - No frame makes it panic (`any_frame_is_answered_or_not`).
//!
//! Source: RFC 2131, 4.3 "DHCP server behavior"; RFC 2132.
//!
//! Next on the tour: [`super::dns`].

use arrayvec::ArrayVec;
use smoltcp::wire::{
    DHCP_CLIENT_PORT, DHCP_SERVER_PORT, DhcpMessageType, DhcpOption, DhcpPacket, DhcpRepr, EthernetAddress,
    Ipv4Address,
};

use super::datagrams::{Datagram, End, wrap};
use crate::net::subnet::{PER_PORT, Subnet};

/// Port requests go to.
pub const PORT: u16 = DHCP_SERVER_PORT;
/// Seconds an address is lent for.
const LEASE: u32 = 3600;
/// The option that names the name server.
const DNS_SERVER: u8 = 6;
/// Cards behind a card that are remembered.
const BEHIND: usize = PER_PORT as usize - 1;

/// Who has been given what, for one network.
#[derive(Debug)]
pub struct Leases {
    subnet: Subnet,
    own: EthernetAddress,
    behind: ArrayVec<(usize, EthernetAddress), { 4 * BEHIND }>,
}

/// A request and who sent it.
struct Request<'a> {
    sender: EthernetAddress,
    message: DhcpRepr<'a>,
}

impl Leases {
    /// None yet, of a gateway with this address.
    pub const fn new(subnet: Subnet, own: EthernetAddress) -> Self {
        Self { subnet, own, behind: ArrayVec::new_const() }
    }

    /// Answers a request from `port`, whose card has the address `card`, if it deserves it: writes a
    /// frame and says how long it is.
    pub fn answer(
        &mut self,
        datagram: &Datagram<'_>,
        port: usize,
        card: EthernetAddress,
        into: &mut [u8],
    ) -> Option<usize> {
        let packet = DhcpPacket::new_checked(datagram.content).ok()?;
        let request = Request { sender: datagram.from.card, message: DhcpRepr::parse(&packet).ok()? };
        let gateway = self.subnet.gateway().address();
        if request.message.server_identifier.is_some_and(|server| server != gateway) {
            return None;
        }
        let offer = self.address_for(port, card, request.message.client_hardware_address)?;
        let kind = request.answered_by(offer)?;
        self.write(&request, kind, offer, into)
    }

    /// The address the client has or may have.
    fn address_for(
        &mut self,
        port: usize,
        card: EthernetAddress,
        client: EthernetAddress,
    ) -> Option<Ipv4Address> {
        if client == card {
            return Some(self.subnet.of_port(port, 0));
        }
        let known = |behind: &[(usize, EthernetAddress)]| {
            let mut of_port = behind.iter().filter(|(of, _)| *of == port);
            of_port.position(|(_, address)| *address == client)
        };
        let place = known(&self.behind).or_else(|| {
            let count = self.behind.iter().filter(|(of, _)| *of == port).count();
            let has_room = client.is_unicast() && count < BEHIND && !self.behind.is_full();
            has_room.then(|| {
                self.behind.push((port, client));
                count
            })
        });
        place.map(|place| self.subnet.of_port(port, 1 + place as u8))
    }

    fn write(
        &self,
        request: &Request<'_>,
        kind: DhcpMessageType,
        offer: Ipv4Address,
        into: &mut [u8],
    ) -> Option<usize> {
        let gateway = self.subnet.gateway();
        let has_address = kind != DhcpMessageType::Nak;
        let name_server = [DhcpOption { kind: DNS_SERVER, data: &gateway.address().octets() }];
        let message = DhcpRepr {
            message_type: kind,
            transaction_id: request.message.transaction_id,
            secs: 0,
            client_hardware_address: request.message.client_hardware_address,
            client_ip: Ipv4Address::UNSPECIFIED,
            your_ip: if has_address { offer } else { Ipv4Address::UNSPECIFIED },
            server_ip: gateway.address(),
            router: has_address.then_some(gateway.address()),
            subnet_mask: has_address.then_some(gateway.netmask()),
            relay_agent_ip: Ipv4Address::UNSPECIFIED,
            broadcast: request.message.broadcast,
            requested_ip: None,
            client_identifier: request.message.client_identifier,
            server_identifier: Some(gateway.address()),
            parameter_request_list: None,
            dns_servers: None,
            max_size: None,
            lease_duration: has_address.then_some(LEASE),
            renew_duration: None,
            rebind_duration: None,
            additional_options: if has_address { &name_server } else { &[] },
        };
        let card = if request.message.broadcast { EthernetAddress::BROADCAST } else { request.sender };
        let from = End { card: self.own, address: gateway.address(), port: DHCP_SERVER_PORT };
        let to = End { card, address: Ipv4Address::BROADCAST, port: DHCP_CLIENT_PORT };
        let mut is_written = Ok(());
        let write = |room: &mut [u8]| {
            room.fill(0);
            is_written = message.emit(&mut DhcpPacket::new_unchecked(room));
        };
        let len = wrap(from, to, message.buffer_len(), write, into)?;
        is_written.ok().map(|()| len)
    }
}

impl Request<'_> {
    /// What kind of answer a client gets that may have `offer`.
    fn answered_by(&self, offer: Ipv4Address) -> Option<DhcpMessageType> {
        let wants = self.message.requested_ip.unwrap_or(self.message.client_ip);
        match self.message.message_type {
            DhcpMessageType::Discover => Some(DhcpMessageType::Offer),
            DhcpMessageType::Request if wants == offer => Some(DhcpMessageType::Ack),
            DhcpMessageType::Request => Some(DhcpMessageType::Nak),
            _ => None,
        }
    }
}
