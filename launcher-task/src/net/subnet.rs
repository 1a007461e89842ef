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

    /// The address of who is at a port: its card's, or the gateway's at port 0.
    pub const fn of(self, port: usize) -> Ipv4Address {
        if port == 0 { self.gateway().address() } else { self.of_port(port, 0) }
    }

    /// Address number `which` of a port, from 0.
    pub const fn of_port(self, port: usize, which: u8) -> Ipv4Address {
        self.address(PER_PORT * port as u8 + which)
    }

    /// The port whose address this is, if it is one's.
    pub fn port_of(self, address: Ipv4Address) -> Option<usize> {
        let [a, b, c, host] = address.octets();
        let is_a_ports = [a, b, c] == [10, 77, self.0] && (PER_PORT..u8::MAX).contains(&host);
        is_a_ports.then_some(usize::from(host / PER_PORT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::queue::PORTS_MAX;

    #[test]
    fn every_port_has_addresses_of_its_own() {
        let subnet = Subnet::new(3);
        for host in 0..=255 {
            let expected = (8..255).contains(&host).then_some(usize::from(host / 8));
            assert_eq!(subnet.port_of(subnet.address(host)), expected, "{host}");
        }
        assert!((1..PORTS_MAX).all(|port| subnet.port_of(subnet.of_port(port, 0)) == Some(port)));
        assert_eq!((subnet.of(0), subnet.of(2)), (subnet.address(1), subnet.address(16)));
        assert_eq!(subnet.port_of(Subnet::new(4).of_port(1, 0)), None, "of another network");
    }
}
