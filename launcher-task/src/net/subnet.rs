//! Who has which IP address on a network.
//!
//! Each network is a `/24` of its own, and each port of its switch has eight
//! of the addresses: the first for its card, the others for what may lie
//! behind it. So an address says which Guest it belongs to, a Guest has the
//! same on every boot, and the gateway can tell who claims another's.
//!
//! ```text
//!  10.77.N.1              the gateway of network N
//!  10.77.N.8p + 0..8      port p, 1 to 31
//! ```
//!
//! Invariants: no two ports share an address, and none has the gateway's or everybody's
//! (`every_port_has_addresses_of_its_own`).
//!
//! Source: RFC 1918, 3 "Private Address Space".
//!
//! Next on the tour: [`super::gateway`].

use core::ops::Range;

use smoltcp::wire::{Ipv4Address, Ipv4Cidr};

/// Addresses of one port.
pub const PER_PORT: u8 = 8;

/// The addresses of one network.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Subnet(u8);

impl Subnet {
    /// Those of network `number`.
    pub const fn new(number: u8) -> Self {
        Self(number)
    }

    const fn address(self, host: u8) -> Ipv4Address {
        Ipv4Address::new(10, 77, self.0, host)
    }

    /// The gateway's, with the length of the prefix.
    pub const fn gateway(self) -> Ipv4Cidr {
        Ipv4Cidr::new(self.address(1), 24)
    }

    /// Address number `which` of a port, from 0.
    pub const fn of_port(self, port: usize, which: u8) -> Ipv4Address {
        self.address(PER_PORT * port as u8 + which)
    }

    /// Whether a port may speak from this address.
    pub fn belongs_to(self, port: usize, address: Ipv4Address) -> bool {
        let first = PER_PORT * port as u8;
        let own: Range<u16> = first.into()..u16::from(first) + u16::from(PER_PORT);
        let [a, b, c, host] = address.octets();
        port > 0
            && [a, b, c] == [10, 77, self.0]
            && own.contains(&host.into())
            && address != self.gateway().broadcast().unwrap_or(Ipv4Address::BROADCAST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::queue::PORTS_MAX;

    #[test]
    fn every_port_has_addresses_of_its_own() {
        let subnet = Subnet::new(3);
        let owners =
            |host: u8| (0..PORTS_MAX).filter(move |&port| subnet.belongs_to(port, subnet.address(host)));
        for host in 0..=255 {
            let expected = if host < 8 || host == 255 { 0 } else { 1 };
            assert_eq!(owners(host).count(), expected, "{host}");
        }
        assert!((1..PORTS_MAX).all(|port| subnet.belongs_to(port, subnet.of_port(port, 0))));
        assert!(!subnet.belongs_to(1, Subnet::new(4).of_port(1, 0)), "of another network");
    }
}
