//! What a client of each kind is answered, and where to.

use super::*;

const CARD: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);
const OTHERS: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 2]);
const OWN: Ipv4Address = Ipv4Address::new(10, 77, 0, 8);
const GATEWAY: Ipv4Address = Ipv4Address::new(10, 77, 0, 1);
const NOBODY: Ipv4Address = Ipv4Address::UNSPECIFIED;
const NOW: Nanos = Nanos::from_millis(1_000);

/// A client's message, to be filled in.
#[derive(Clone)]
struct Client {
    kind: Kind,
    card: EthernetAddress,
    has: Ipv4Address,
    flags: u8,
    options: Vec<u8>,
}

fn client(kind: Kind) -> Client {
    Client { kind, card: CARD, has: NOBODY, flags: 0, options: Vec::new() }
}

impl Client {
    fn wants(mut self, address: Ipv4Address) -> Self {
        self.options.extend([&[50, 4][..], &address.octets()].concat());
        self
    }

    fn of(mut self, server: Ipv4Address) -> Self {
        self.options.extend([&[54, 4][..], &server.octets()].concat());
        self
    }

    fn has(mut self, address: Ipv4Address) -> Self {
        self.has = address;
        self
    }

    fn option(mut self, option: &[u8]) -> Self {
        self.options.extend(option);
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; 240];
        bytes[..8].copy_from_slice(&[1, 1, 6, 0, 1, 2, 3, 4]);
        bytes[10] = self.flags;
        bytes[12..16].copy_from_slice(&self.has.octets());
        bytes[28..34].copy_from_slice(self.card.as_bytes());
        bytes[236..].copy_from_slice(&[99, 130, 83, 99]);
        [&bytes[..], &[53, 1, self.kind as u8], &self.options, &[255]].concat()
    }
}

/// An answer, taken to pieces.
#[derive(Debug)]
struct Heard {
    kind: u8,
    card: EthernetAddress,
    to: Ipv4Address,
    your: Ipv4Address,
    options: Vec<(u8, Vec<u8>)>,
}

impl Heard {
    fn option(&self, number: u8) -> Option<&[u8]> {
        self.options.iter().find(|(of, _)| *of == number).map(|(_, value)| &value[..])
    }
}

fn leases() -> Leases {
    Leases::new(Subnet::new(0), EthernetAddress([2, 0, 0, 0, 0, 0xF]), 3)
}

fn ask_from(leases: &mut Leases, asker: Asker, client: &Client, now: Nanos) -> Option<Heard> {
    let content = client.bytes();
    let end = |card, port| End { card, address: client.has, port };
    let datagram = Datagram { from: end(asker.card, 68), to: end(OTHERS, 67), content: &content };
    let mut frame = [0; 1514];
    let len = leases.answer(&datagram, asker, |card| card == OTHERS, now, &mut frame)?;
    let (mut options, mut rest) = (Vec::new(), &frame[42 + 240..len]);
    while rest[0] != 255 {
        options.push((rest[0], rest[2..2 + usize::from(rest[1])].to_vec()));
        rest = &rest[2 + usize::from(rest[1])..];
    }
    assert!(len >= 342 && frame[42..50] == [2, 1, 6, 0, 1, 2, 3, 4], "{:x?}", &frame[..len]);
    let address = |at: usize| Ipv4Address::new(frame[at], frame[at + 1], frame[at + 2], frame[at + 3]);
    assert_eq!((address(26), &frame[34..38]), (GATEWAY, &[0, 67, 0, 68][..]));
    let heard = Heard {
        kind: options[0].1[0],
        card: EthernetAddress::from_bytes(&frame[..6]),
        to: address(30),
        your: address(42 + 16),
        options,
    };
    assert_eq!(heard.option(54), Some(&GATEWAY.octets()[..]));
    Some(heard)
}

/// Asks from port 1, whose card is its own alone.
fn ask(client: &Client) -> Option<Heard> {
    ask_from(&mut leases(), Asker { port: 1, card: CARD, is_open: false }, client, NOW)
}

#[test]
fn an_offer_has_all_a_client_needs() {
    let offer = ask(&client(Kind::Discover)).unwrap();
    assert_eq!((offer.kind, offer.your, offer.to, offer.card), (2, OWN, OWN, CARD));
    let seconds = |number| u32::from_be_bytes(offer.option(number).unwrap().try_into().unwrap());
    assert_eq!([51, 58, 59].map(seconds), [3600, 1800, 3150]);
    assert_eq!(offer.option(1), Some(&[255, 255, 255, 0][..]));
    assert_eq!((offer.option(3), offer.option(6)), (Some(&[10, 77, 0, 1][..]), Some(&[10, 77, 0, 1][..])));
    assert_eq!(offer.option(28), None, "nobody has asked for it");
}

#[test]
fn what_a_client_asks_for_comes_in_its_order() {
    let offer = ask(&client(Kind::Discover).option(&[55, 5, 28, 6, 6, 42, 1])).unwrap();
    let order: Vec<u8> = offer.options.iter().map(|(number, _)| *number).collect();
    assert_eq!(order, [53, 54, 51, 58, 59, 28, 6, 1, 3]);
    assert_eq!(offer.option(28), Some(&[10, 77, 0, 255][..]));
}

#[test]
fn who_cannot_hear_its_address_yet_is_answered_as_everybody() {
    let mut asks = client(Kind::Discover);
    asks.flags = 0x80;
    let offer = ask(&asks).unwrap();
    assert_eq!((offer.card, offer.to), (EthernetAddress::BROADCAST, Ipv4Address::BROADCAST));
}

#[test]
fn an_offer_is_taken_and_another_server_s_is_none_of_ours() {
    let ack = ask(&client(Kind::Request).wants(OWN).of(GATEWAY)).unwrap();
    assert_eq!((ack.kind, ack.your, ack.to), (5, OWN, OWN));
    assert!(ask(&client(Kind::Request).wants(OWN).of(Ipv4Address::new(10, 77, 0, 2))).is_none());
}

#[test]
fn a_client_that_boots_again_may_keep_its_address_and_no_other() {
    assert_eq!(ask(&client(Kind::Request).wants(OWN)).unwrap().kind, 5);
    for wrong in [GATEWAY, Ipv4Address::new(10, 77, 0, 16), Ipv4Address::new(192, 168, 1, 7)] {
        let nak = ask(&client(Kind::Request).wants(wrong)).unwrap();
        assert_eq!((nak.kind, nak.your, nak.to), (6, NOBODY, Ipv4Address::BROADCAST));
        assert_eq!((nak.card, nak.option(51)), (EthernetAddress::BROADCAST, None));
    }
    assert!(ask(&client(Kind::Request)).is_none(), "it does not say what it wants");
}

#[test]
fn a_lease_is_renewed_by_an_answer_to_its_address() {
    let mut asks = client(Kind::Request).has(OWN);
    for flags in [0, 0x80] {
        asks.flags = flags;
        let ack = ask(&asks).unwrap();
        assert_eq!((ack.kind, ack.your, ack.to, ack.card), (5, OWN, OWN, CARD));
        assert_eq!(ack.option(51), Some(&3600u32.to_be_bytes()[..]));
    }
    assert_eq!(ask(&client(Kind::Request).has(GATEWAY)).unwrap().kind, 6);
}

#[test]
fn who_has_an_address_is_told_the_rest_and_no_time() {
    let ack = ask(&client(Kind::Inform).has(OWN)).unwrap();
    assert_eq!((ack.kind, ack.your, ack.to, ack.card), (5, NOBODY, OWN, CARD));
    assert_eq!([51, 58, 59].map(|number| ack.option(number)), [None; 3]);
    assert!(ack.option(1).is_some() && ack.option(3).is_some() && ack.option(6).is_some());
    for not_its_own in [NOBODY, GATEWAY, Ipv4Address::new(10, 77, 0, 16)] {
        assert!(ask(&client(Kind::Inform).has(not_its_own)).is_none());
    }
}

#[test]
fn what_needs_no_answer_gets_none() {
    assert!(
        ask(&client(Kind::Release).has(OWN)).is_none() && ask(&client(Kind::Decline).wants(OWN)).is_none()
    );
    let mut relayed = client(Kind::Discover).bytes();
    relayed[24] = 10;
    let end = End { card: CARD, address: NOBODY, port: 67 };
    let datagram = Datagram { from: end, to: end, content: &relayed };
    let asker = Asker { port: 1, card: CARD, is_open: false };
    assert_eq!(leases().answer(&datagram, asker, |_| false, NOW, &mut [0; 1514]), None);
}

#[test]
fn a_client_s_own_name_comes_back() {
    for kind in [Kind::Discover, Kind::Request] {
        let heard = ask(&client(kind).wants(GATEWAY).option(&[61, 7, 1, 2, 0, 0, 0, 0, 1])).unwrap();
        assert_eq!(heard.option(61), Some(&[1, 2, 0, 0, 0, 0, 1][..]));
    }
}

#[test]
fn nobody_asks_in_another_s_name() {
    for (card, is_open, is_answered) in [
        (EthernetAddress([2, 0, 0, 0, 0, 9]), false, false),
        (EthernetAddress([2, 0, 0, 0, 0, 9]), true, true),
        (OTHERS, true, false),
        (EthernetAddress::BROADCAST, true, false),
    ] {
        let mut asks = client(Kind::Discover);
        asks.card = card;
        let asker = Asker { port: 1, card: CARD, is_open };
        assert_eq!(ask_from(&mut leases(), asker, &asks, NOW).is_some(), is_answered, "{card} {is_open}");
    }
}

#[test]
fn a_port_that_makes_cards_up_uses_up_its_own_places() {
    let mut leases = leases();
    let mut offered = |port, last, now| {
        let mut asks = client(Kind::Discover);
        asks.card = EthernetAddress([2, 0, 0, 0, 1, last]);
        let asker = Asker { port, card: CARD, is_open: true };
        ask_from(&mut leases, asker, &asks, now).map(|offer| offer.your.octets()[3])
    };
    let places: Vec<_> = (0..20).filter_map(|last| offered(1, last, NOW)).collect();
    assert_eq!(places, [9, 10, 11, 12, 13, 14, 15]);
    assert_eq!((offered(2, 30, NOW), offered(3, 30, NOW)), (Some(17), Some(25)), "others have theirs");
    assert_eq!(offered(1, 3, NOW), Some(12), "and each keeps its own");
    let later = NOW.after(Nanos::from_millis(3_600_000));
    assert_eq!(offered(1, 40, later), Some(9), "until it has not asked for an hour");
}

#[test]
fn an_address_that_is_given_back_is_free() {
    let mut leases = leases();
    let asker = Asker { port: 1, card: CARD, is_open: true };
    for last in 0..7 {
        let mut asks = client(Kind::Discover);
        asks.card = EthernetAddress([2, 0, 0, 0, 1, last]);
        assert!(ask_from(&mut leases, asker, &asks, NOW).is_some());
    }
    let mut gone = client(Kind::Release);
    gone.card = EthernetAddress([2, 0, 0, 0, 1, 2]);
    assert!(ask_from(&mut leases, asker, &gone, NOW).is_none());
    let mut asks = client(Kind::Discover);
    asks.card = EthernetAddress([2, 0, 0, 0, 1, 99]);
    assert_eq!(ask_from(&mut leases, asker, &asks, NOW).unwrap().your, Ipv4Address::new(10, 77, 0, 11));
}
