//! Why a packet goes nowhere, and how often each reason was met.
//!
//! The Host's last line about a port shows them behind its other counters:
//!
//! ```text
//!  net lan: a: 30 sent, 30 refused, 0 copies, ... (refused: ARP sender 20, server 10)
//! ```
//!
//! Next on the tour: [`super::identity`].

use core::fmt;

/// Why a packet was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// It is too short, too long, or its headers cannot be true.
    Malformed,
    /// It comes from another card's address.
    Mac,
    /// It claims in ARP to be who it is not.
    ArpSender,
    /// It comes from an IPv4 address of somebody else.
    Ipv4Source,
    /// It comes from an IPv6 address of somebody else, or claims to have one.
    Ipv6Source,
    /// It pretends to be a server or a router.
    Server,
}

impl Refusal {
    /// All of them, in the order they are shown in.
    pub const ALL: [Self; 6] =
        [Self::Malformed, Self::Mac, Self::ArpSender, Self::Ipv4Source, Self::Ipv6Source, Self::Server];

    /// What a person reads.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Mac => "MAC address",
            Self::ArpSender => "ARP sender",
            Self::Ipv4Source => "IPv4 source",
            Self::Ipv6Source => "IPv6 source",
            Self::Server => "server",
        }
    }
}

/// How often each reason was met.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Refusals([u64; Refusal::ALL.len()]);

impl Refusals {
    /// Counts one.
    pub const fn count(&mut self, why: Refusal) {
        self.0[why as usize] += 1;
    }

    /// How often it was this one.
    pub const fn of(&self, why: Refusal) -> u64 {
        self.0[why as usize]
    }

    /// All of them together.
    pub fn all(&self) -> u64 {
        self.0.iter().sum()
    }
}

impl fmt::Display for Refusals {
    /// Writes ` (refused: WHY N, ...)`, or nothing if there were none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = " (refused: ";
        for why in Refusal::ALL.into_iter().filter(|why| self.of(*why) > 0) {
            write!(f, "{before}{} {}", why.word(), self.of(why))?;
            before = ", ";
        }
        f.write_str(if self.all() > 0 { ")" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_shown_with_their_numbers_or_not_at_all() {
        let mut refusals = Refusals::default();
        assert_eq!(refusals.to_string(), "");
        refusals.count(Refusal::Server);
        refusals.count(Refusal::ArpSender);
        refusals.count(Refusal::ArpSender);
        assert_eq!(refusals.to_string(), " (refused: ARP sender 2, server 1)");
        assert_eq!((refusals.all(), refusals.of(Refusal::ArpSender)), (3, 2));
    }

    #[test]
    fn each_reason_has_a_place_of_its_own() {
        for (place, why) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(why as usize, place);
        }
    }
}
