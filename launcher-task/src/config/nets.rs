//! A Guest's network cards, as its line asks for them.
//!
//! ```text
//!   net=lan  net=wan,mac=52:54:00:12:34:56
//!       ^ network  ^ the card's address, if it shall not be made of the names
//!   net=lan,open       it may speak as anybody: for who teaches just that, or has cards behind it
//!   net=none           no card
//! ```
//!
//! A network is there as soon as somebody names it.
//!
//! Invariants: no two cards of a network have one address (`two_cards_with_one_address_are_refused`).
//!
//! Next on the tour: [`crate::layout`].

use alloc::{string::String, vec::Vec};

use crate::net::{mac::MacAddress, network::NETWORKS_MAX, queue::PORTS_MAX};

use super::{Fault, Plan, limits::CARDS_MAX, name::is_name};

/// The word for no network at all, so no network is called that.
const NONE: &str = "none";

/// One network card.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NetPlan {
    /// The network it is plugged into.
    pub network: String,
    /// Its address; `None` until the Guest's name is known.
    pub address: Option<MacAddress>,
    /// It may speak as anybody.
    pub is_open: bool,
}

/// What the `net=` words of a line say together.
#[derive(Default)]
pub(super) struct NetWords {
    cards: Vec<NetPlan>,
    is_none: bool,
}

impl NetWords {
    /// Takes what stands behind `net=` in `word`.
    pub(super) fn add(&mut self, value: &str, word: &str) -> Result<(), Fault> {
        match value {
            NONE => self.is_none = true,
            _ => self.cards.push(NetPlan::admit(value).map_err(|fault| fault(word.into()))?),
        }
        if self.is_none && !self.cards.is_empty() { Err(Fault::NetAndNone) } else { Ok(()) }
    }

    /// The cards they ask for.
    pub(super) fn cards(self) -> Vec<NetPlan> {
        self.cards
    }
}

impl NetPlan {
    /// Reads what stands behind `net=`.
    pub(super) fn admit(value: &str) -> Result<Self, fn(String) -> Fault> {
        let mut words = value.split(',');
        let network = words
            .next()
            .filter(|name| is_name(name) && *name != NONE)
            .ok_or(Fault::Net as fn(String) -> Fault)?;
        let mut card = Self { network: network.into(), address: None, is_open: false };
        for word in words {
            match word.strip_prefix("mac=").map(MacAddress::parse) {
                Some(Some(address)) if card.address.is_none() => card.address = Some(address),
                None if word == "open" && !card.is_open => card.is_open = true,
                _ => return Err(Fault::Net),
            }
        }
        Ok(card)
    }

    /// The address of this card in Guest `guest`.
    pub fn address(&self, guest: &str) -> MacAddress {
        self.address.unwrap_or_else(|| MacAddress::derive(&self.network, guest))
    }

    /// The `net=` word it would be written with.
    fn word(&self) -> String {
        let open = if self.is_open { ",open" } else { "" };
        match self.address {
            Some(address) => alloc::format!("net={},mac={address}{open}", self.network),
            None => alloc::format!("net={}{open}", self.network),
        }
    }
}

/// The networks that are named in `plans`, in the order they are named in.
pub fn networks(plans: &[Plan]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for card in plans.iter().flat_map(|plan| &plan.nets) {
        if !names.contains(&card.network.as_str()) {
            names.push(&card.network);
        }
    }
    names
}

/// Judges a Guest's cards beside those of the Guests before it.
///
/// # Errors
/// The [`Fault`] that names the word.
pub(super) fn judge(plan: &Plan, before: &[Plan]) -> Result<(), Fault> {
    if plan.nets.len() > CARDS_MAX {
        return Err(Fault::TooManyCards);
    }
    for (place, card) in plan.nets.iter().enumerate() {
        let others = before.iter().flat_map(|plan| plan.nets.iter().map(|card| (card, plan.name.as_str())));
        let own = plan.nets[..place].iter().map(|card| (card, plan.name.as_str()));
        let mut ports = 1; // the gateway's
        for (other, guest) in others.chain(own).filter(|(other, _)| other.network == card.network) {
            ports += 1;
            if other.address(guest) == card.address(&plan.name) {
                return Err(Fault::AddressTaken(card.word()));
            }
        }
        let known = networks(before);
        let is_new = !known.contains(&card.network.as_str());
        if ports >= PORTS_MAX || (is_new && known.len() >= NETWORKS_MAX) {
            return Err(Fault::NoPort(card.word()));
        }
    }
    Ok(())
}
