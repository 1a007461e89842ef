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
//! A request is answered with a whole frame, before the IP stack sees it: a
//! client has no address yet that a stack could send to.
//!
//! Invariants:
//! - An answer goes to the card that asked, with an address of its port
//!   (`a_guest_gets_an_address_of_its_port`).
//! - No frame makes it panic (`any_frame_is_answered_or_not`).
//!
//! Source: RFC 2131, 4.3 "DHCP server behavior"; RFC 2132.
//!
//! Next on the tour: [`super::wire`].

use arrayvec::ArrayVec;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    DHCP_CLIENT_PORT, DHCP_SERVER_PORT, DhcpMessageType, DhcpOption, DhcpPacket, DhcpRepr, EthernetAddress,
    EthernetFrame, EthernetProtocol, EthernetRepr, IpProtocol, Ipv4Address, Ipv4Packet, Ipv4Repr, UdpPacket,
    UdpRepr,
};

use crate::net::subnet::{PER_PORT, Subnet};

/// Seconds an address is lent for.
const LEASE: u32 = 3600;
/// The option that names the name server.
const DNS_SERVER: u8 = 6;
/// Bytes of the longest answer.
pub const ANSWER_MAX: usize = 400;
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

/// Whether a frame is for a DHCP server.
pub fn is_request(frame: &[u8]) -> bool {
    let is_udp = frame.get(12..24).is_some_and(|ip| ip[..3] == [0x08, 0x00, 0x45] && ip[11] == 17);
    is_udp && frame.get(36..38) == Some(&DHCP_SERVER_PORT.to_be_bytes())
}

impl Leases {
    /// None yet, of a gateway with this address.
    pub const fn new(subnet: Subnet, own: EthernetAddress) -> Self {
        Self { subnet, own, behind: ArrayVec::new_const() }
    }

    /// Answers a request from `port`, whose card has the address `card`: the bytes of the answer,
    /// if it deserves one.
    pub fn answer<'b>(
        &mut self,
        frame: &[u8],
        port: usize,
        card: EthernetAddress,
        into: &'b mut [u8; ANSWER_MAX],
    ) -> Option<&'b [u8]> {
        let ethernet = EthernetFrame::new_checked(frame).ok()?;
        let ip = Ipv4Packet::new_checked(ethernet.payload()).ok()?;
        let udp = UdpPacket::new_checked(ip.payload()).ok()?;
        let packet = DhcpPacket::new_checked(udp.payload()).ok()?;
        let request = Request { sender: ethernet.src_addr(), message: DhcpRepr::parse(&packet).ok()? };
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

    fn write<'b>(
        &self,
        request: &Request<'_>,
        kind: DhcpMessageType,
        offer: Ipv4Address,
        into: &'b mut [u8; ANSWER_MAX],
    ) -> Option<&'b [u8]> {
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
        let to = if request.message.broadcast { EthernetAddress::BROADCAST } else { request.sender };
        self.wrap(&message, to, into)
    }

    /// Puts a message into UDP, IP and Ethernet.
    fn wrap<'b>(
        &self,
        message: &DhcpRepr<'_>,
        to: EthernetAddress,
        into: &'b mut [u8; ANSWER_MAX],
    ) -> Option<&'b [u8]> {
        let (from, everybody) = (self.subnet.gateway().address(), Ipv4Address::BROADCAST);
        let checksums = ChecksumCapabilities::default();
        let udp = UdpRepr { src_port: DHCP_SERVER_PORT, dst_port: DHCP_CLIENT_PORT };
        let payload_len = udp.header_len() + message.buffer_len();
        let ip = Ipv4Repr {
            src_addr: from,
            dst_addr: everybody,
            next_header: IpProtocol::Udp,
            payload_len,
            hop_limit: 64,
        };
        let len = EthernetFrame::<&[u8]>::header_len() + ip.buffer_len() + payload_len;
        let bytes = into.get_mut(..len)?;
        bytes.fill(0);
        let ethernet = EthernetRepr { src_addr: self.own, dst_addr: to, ethertype: EthernetProtocol::Ipv4 };
        let mut frame = EthernetFrame::new_unchecked(&mut *bytes);
        ethernet.emit(&mut frame);
        let mut packet = Ipv4Packet::new_unchecked(frame.payload_mut());
        ip.emit(&mut packet, &checksums);
        let mut datagram = UdpPacket::new_unchecked(packet.payload_mut());
        let mut is_written = Ok(());
        udp.emit(
            &mut datagram,
            &from.into(),
            &everybody.into(),
            message.buffer_len(),
            |room| is_written = message.emit(&mut DhcpPacket::new_unchecked(room)),
            &checksums,
        );
        is_written.ok().map(|()| &*bytes)
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
