//! DHCP: tells a Guest its address, the gateway's and the name server's.
//!
//! The port a request comes from says which addresses it may have
//! ([`Subnet`]), so there is nothing to run out of: a Guest that asks under a
//! thousand names uses up its own eight. Something is remembered only for
//! cards behind a card whose line says `open`, and for each card apart.
//!
//! ```text
//!   DISCOVER --> OFFER
//!   REQUEST, of an offer or after a boot --> ACK, or NAK if it wants what it may not have
//!   REQUEST, to keep what it has         --> ACK to that address
//!   INFORM  --> ACK without an address          DECLINE, RELEASE --> nothing
//! ```
//!
//! An answer goes to the address the client has, or gets; or to everybody's if
//! the client says that it cannot hear another yet, or is refused. Nobody on
//! a network passes requests on for another network, so one that was passed on
//! is not answered.
//!
//! Invariants:
//! - An answer goes to the card that asked, with an address of its port
//!   (`a_guest_gets_an_address_of_its_port`, `nobody_asks_in_another_s_name`).
//! - One port's cards never use up the places of another's
//!   (`a_port_that_makes_cards_up_uses_up_its_own_places`).
//! - No frame makes it panic (`any_frame_is_answered_or_not`).
//!
//! Source: RFC 2131, 4.1 "Constructing and sending DHCP messages" and 4.3 "DHCP server behavior"; RFC 2132.
//!
//! Next on the tour: [`message`].

pub mod message;

#[cfg(test)]
mod tests;

use abi::Nanos;
use alloc::vec::Vec;
use smoltcp::wire::{EthernetAddress, Ipv4Address};

use self::message::{Answer, Kind, Message, option};
use super::datagrams::{Datagram, End, wrap};
use crate::net::subnet::{PER_PORT, Subnet};

/// Port requests go to.
pub const PORT: u16 = 67;
const CLIENT_PORT: u16 = 68;
/// Seconds an address is lent for.
const LEASE: u32 = 3600;
/// Cards behind a card that have an address.
const BEHIND: usize = PER_PORT as usize - 1;
/// Options every client is told, whether it asks for them or not.
const ALWAYS: [u8; 3] = [option::MASK, option::ROUTER, option::NAMES];

/// Who has been given what, for one network.
#[derive(Debug)]
pub struct Leases {
    subnet: Subnet,
    own: EthernetAddress,
    /// By port, from 1.
    behind: Vec<[Place; BEHIND]>,
}

/// An address for a card behind a card.
#[derive(Clone, Copy, Debug)]
struct Place {
    card: EthernetAddress,
    /// In seconds of the Host's clock, when it may be given to another.
    until: u32,
}

/// One nobody has.
const FREE: Place = Place { card: EthernetAddress([0; 6]), until: 0 };

/// Who asks, as the switch knows.
#[derive(Clone, Copy, Debug)]
pub struct Asker {
    /// Its port.
    pub port: usize,
    /// Its card.
    pub card: EthernetAddress,
    /// There may be other cards behind it.
    pub is_open: bool,
}

impl Leases {
    /// None yet, of a gateway with this address, for so many cards.
    pub fn new(subnet: Subnet, own: EthernetAddress, cards: usize) -> Self {
        Self { subnet, own, behind: (0..cards).map(|_| [FREE; BEHIND]).collect() }
    }

    /// Answers a request, if it deserves it: writes a frame and says how long it is. `is_anothers`
    /// knows the cards of the other ports.
    pub fn answer(
        &mut self,
        datagram: &Datagram<'_>,
        asker: Asker,
        is_anothers: impl FnOnce(EthernetAddress) -> bool,
        now: Nanos,
        into: &mut [u8],
    ) -> Option<usize> {
        let message = Message::parse(datagram.content)?;
        let gateway = self.subnet.gateway().address();
        let is_for_us = message.server.is_none_or(|server| server == gateway);
        let is_its_card = message.card == asker.card;
        let is_a_cards = message.card.is_unicast() && message.card != FREE.card;
        let is_behind = !is_its_card && asker.is_open && is_a_cards && !is_anothers(message.card);
        if !is_for_us || !message.relay.is_unspecified() || !is_its_card && !is_behind {
            return None;
        }
        if message.kind == Kind::Inform {
            return self.inform(&message, asker, into);
        }
        let now = (now.0 / 1_000_000_000) as u32;
        let which = if is_its_card { 0 } else { 1 + self.place(&message, asker.port, now)? as u8 };
        let offer = self.subnet.of_port(asker.port, which);
        match message.kind {
            Kind::Discover => self.write(Kind::Offer, &message, offer, into),
            Kind::Request if wish(&message)? == offer => self.write(Kind::Ack, &message, offer, into),
            Kind::Request => self.write(Kind::Nak, &message, offer, into),
            _ => None,
        }
    }

    /// The place of a card behind a card: the one it has, or one nobody has any more. A card that
    /// gives its address back, or finds it in use, loses it.
    fn place(&mut self, message: &Message<'_>, port: usize, now: u32) -> Option<usize> {
        let places = self.behind.get_mut(port.checked_sub(1)?)?;
        let known = places.iter().position(|place| place.card == message.card);
        let gives_back = matches!(message.kind, Kind::Release | Kind::Decline);
        if gives_back {
            known.into_iter().for_each(|place| places[place] = FREE);
            return None;
        }
        let found = known.or_else(|| places.iter().position(|place| place.until <= now))?;
        places[found] = Place { card: message.card, until: now.saturating_add(LEASE) };
        Some(found)
    }

    /// Tells a client the rest that has an address.
    fn inform(&self, message: &Message<'_>, asker: Asker, into: &mut [u8]) -> Option<usize> {
        let is_its_own = self.subnet.port_of(message.has) == Some(asker.port);
        is_its_own.then(|| self.write(Kind::Ack, message, Ipv4Address::UNSPECIFIED, into))?
    }

    fn write(&self, kind: Kind, message: &Message<'_>, offer: Ipv4Address, into: &mut [u8]) -> Option<usize> {
        let gateway = self.subnet.gateway().address();
        let your = if kind == Kind::Nak { Ipv4Address::UNSPECIFIED } else { offer };
        let mut answer = Answer::new(kind, message, your, gateway);
        if !your.is_unspecified() {
            let times = [(option::LEASE, LEASE), (option::RENEW, LEASE / 2), (option::REBIND, LEASE / 8 * 7)];
            times.into_iter().for_each(|(number, seconds)| answer.option(number, &seconds.to_be_bytes()));
        }
        if kind != Kind::Nak {
            self.settings(message.list, &mut answer);
        }
        if let Some(client) = message.client {
            answer.option(option::CLIENT, client);
        }
        let content = answer.finish();
        let from = End { card: self.own, address: gateway, port: PORT };
        let to = addressee(kind, message, your);
        wrap(from, to, content.len(), |room| room.copy_from_slice(&content), into)
    }

    /// Writes the options a client asks for, in its order, and those it needs.
    fn settings(&self, list: &[u8], answer: &mut Answer) {
        let gateway = self.subnet.gateway();
        let mut written = [false; 256];
        for &number in list.iter().chain(&ALWAYS) {
            if core::mem::replace(&mut written[usize::from(number)], true) {
                continue;
            }
            match number {
                option::MASK => answer.option(number, &gateway.netmask().octets()),
                option::ROUTER | option::NAMES => answer.option(number, &gateway.address().octets()),
                option::BROADCAST => {
                    let everybody = gateway.broadcast().unwrap_or(Ipv4Address::BROADCAST);
                    answer.option(number, &everybody.octets());
                }
                _ => {}
            }
        }
    }
}

/// The address a client wants to have, or to keep; `None` if it does not say.
fn wish(message: &Message<'_>) -> Option<Ipv4Address> {
    message.wants.or(Some(message.has).filter(|has| !has.is_unspecified()))
}

/// Where an answer goes.
fn addressee(kind: Kind, message: &Message<'_>, your: Ipv4Address) -> End {
    let everybody = (EthernetAddress::BROADCAST, Ipv4Address::BROADCAST);
    let (card, address) = match message.has {
        _ if kind == Kind::Nak => everybody,
        has if !has.is_unspecified() => (message.card, has),
        _ if message.wants_broadcast => everybody,
        _ => (message.card, your),
    };
    End { card, address, port: CLIENT_PORT }
}
