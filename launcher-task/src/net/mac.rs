//! MAC addresses: six bytes that name a card on a network.
//!
//! A card whose line does not say gets an address made of the names of its
//! network and its Guest, so it is the same on every boot, and a person can
//! tell two Guests apart in a capture. It is *locally administered* (bit 1 of
//! the first byte): no maker of real cards has it.
//!
//! Invariants:
//! - Other names, another address (`other_names_give_other_addresses`).
//! - A card's address is never that of a group (`an_address_of_a_group_is_no_cards`).
//!
//! Source: IEEE 802-2014, 8.2 "Universal addresses" and 8.4 "Local addresses".
//!
//! Next on the tour: [`super::header`].

use core::fmt;

/// Bytes of an address.
pub const MAC_LEN: usize = 6;
/// First byte of a derived address: locally administered, one card.
const LOCAL: u8 = 0x02;
/// Bit of the first byte that says: more than one card.
const GROUP: u8 = 0x01;

/// A MAC address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct MacAddress(pub [u8; MAC_LEN]);

impl MacAddress {
    /// Everybody's.
    pub const BROADCAST: Self = Self([0xFF; MAC_LEN]);

    /// The address of the card that `guest` has on `network`; a network's gateway has no name.
    pub fn derive(network: &str, guest: &str) -> Self {
        // FNV-1a: short, and good enough to tell names apart.
        let bytes = network.bytes().chain([0]).chain(guest.bytes());
        let hash = bytes.fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
        });
        let [a, b, c, d, e, f, g, h] = hash.to_le_bytes();
        Self([LOCAL, a ^ f, b ^ g, c ^ h, d, e])
    }

    /// Reads six pairs of hexadecimal digits with colons between; `None` if it is anything else, or
    /// no single card's address.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; MAC_LEN];
        let mut pairs = text.split(':');
        for byte in &mut bytes {
            let pair = pairs.next().filter(|pair| pair.len() == 2 && !pair.starts_with('+'))?;
            *byte = u8::from_str_radix(pair, 16).ok()?;
        }
        let address = Self(bytes);
        (pairs.next().is_none() && address.is_a_cards()).then_some(address)
    }

    /// Whether it can be one card's.
    pub const fn is_a_cards(self) -> bool {
        !self.is_group() && !matches!(self.0, [0, 0, 0, 0, 0, 0])
    }

    /// Whether it stands for more than one card.
    pub const fn is_group(self) -> bool {
        self.0[0] & GROUP != 0
    }

    /// The six bytes from `offset` of a frame, which is that long.
    pub(super) fn at(frame: &[u8], offset: usize) -> Self {
        let mut bytes = [0; MAC_LEN];
        bytes.copy_from_slice(&frame[offset..offset + MAC_LEN]);
        Self(bytes)
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_names_give_other_addresses() {
        let all = [("lan", "a"), ("lan", "b"), ("wan", "a"), ("lan", ""), ("la", "na"), ("l", "ana")];
        let mut addresses = all.map(|(network, guest)| MacAddress::derive(network, guest));
        assert!(addresses.iter().all(|address| address.0[0] == 2));
        addresses.sort();
        assert!(addresses.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn an_address_is_read_as_it_is_written() {
        let address = MacAddress::parse("52:54:00:aB:c0:09").unwrap();
        assert_eq!(address.to_string(), "52:54:00:ab:c0:09");
        for bad in ["", "52:54:00:ab:c0", "52:54:00:ab:c0:09:1", "52:54:00:ab:c0:9", "52:54:00:ab:c0:+9", "x"]
        {
            assert_eq!(MacAddress::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_address_of_a_group_is_no_cards() {
        for bad in ["ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "00:00:00:00:00:00"] {
            assert_eq!(MacAddress::parse(bad), None, "{bad}");
        }
    }
}
