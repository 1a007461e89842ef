//! A DHCP message: read from a datagram, and written into one.
//!
//! ```text
//!  0 op 1  htype 1  hlen 6  hops      4 xid      8 secs   10 flags
//!  12 ciaddr    16 yiaddr    20 siaddr    24 giaddr    28 chaddr, 16 bytes
//!  44 sname, 64 bytes    108 file, 128 bytes    236 99 130 83 99    240 options ... 255
//! ```
//!
//! Options may go on in `file` and `sname`, if one of them says so. What is not
//! known is passed over.
//!
//! Invariants: whatever the bytes are, they are a message or none, and an answer
//! has its end (`any_message_is_read_or_not`).
//!
//! Source: RFC 2131, 2 and 4.1; RFC 2132; RFC 1542, 2.1 on the shortest message; RFC 6842.
//!
//! Next on the tour: [`super`].

use arrayvec::ArrayVec;
use smoltcp::wire::{EthernetAddress, Ipv4Address};

/// Bytes before the options.
const HEADER_LEN: usize = 240;
/// Fewest bytes of a message that all clients take, and of the datagram every client must take.
const LEN_MIN: usize = 300;
const TAKEN_BY_ALL: usize = 576;
/// Bytes of the headers in front of it in that datagram.
const IP_AND_UDP: usize = 28;
/// Most bytes of an answer.
pub const ANSWER_MAX: usize = 600;
const COOKIE: [u8; 4] = [99, 130, 83, 99];
const REQUEST: u8 = 1;
const REPLY: u8 = 2;
const BROADCAST: u8 = 0x80;
const FILE: core::ops::Range<usize> = 108..236;
const NAME: core::ops::Range<usize> = 44..108;

/// Options by their numbers.
pub mod option {
    /// Fills.
    pub const PAD: u8 = 0;
    /// Which addresses are on the same network.
    pub const MASK: u8 = 1;
    /// The way out.
    pub const ROUTER: u8 = 3;
    /// Who knows names.
    pub const NAMES: u8 = 6;
    /// Everybody's address.
    pub const BROADCAST: u8 = 28;
    /// The address a client would like.
    pub const WANTED: u8 = 50;
    /// Seconds the address is lent for.
    pub const LEASE: u8 = 51;
    /// Options go on in `file`, `sname` or both.
    pub const OVERLOAD: u8 = 52;
    /// What kind of message it is.
    pub const KIND: u8 = 53;
    /// Which server is meant, or speaks.
    pub const SERVER: u8 = 54;
    /// Which options a client would like.
    pub const LIST: u8 = 55;
    /// Bytes of the longest datagram a client takes.
    pub const MOST: u8 = 57;
    /// Seconds until the client asks its server again.
    pub const RENEW: u8 = 58;
    /// Seconds until it asks any.
    pub const REBIND: u8 = 59;
    /// Whom a client calls itself.
    pub const CLIENT: u8 = 61;
    /// Ends them.
    pub const END: u8 = 255;
}

/// What a message is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A client looks for a server.
    Discover = 1,
    /// A server offers an address.
    Offer,
    /// A client wants one.
    Request,
    /// A client has found it in use.
    Decline,
    /// It may have it.
    Ack,
    /// It may not.
    Nak,
    /// It needs it no longer.
    Release,
    /// It has one, and wants to know the rest.
    Inform,
}

/// What a client says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Message<'m> {
    /// What for.
    pub kind: Kind,
    /// Which exchange it belongs to.
    pub exchange: [u8; 4],
    /// It cannot hear what is sent to an address it does not have yet.
    pub wants_broadcast: bool,
    /// The address it has.
    pub has: Ipv4Address,
    /// Who passed it on from another network.
    pub relay: Ipv4Address,
    /// The client's card.
    pub card: EthernetAddress,
    /// The address it would like.
    pub wants: Option<Ipv4Address>,
    /// The server that is meant.
    pub server: Option<Ipv4Address>,
    /// Whom it calls itself.
    pub client: Option<&'m [u8]>,
    /// Options it would like.
    pub list: &'m [u8],
    /// Bytes of the longest datagram it takes.
    pub most: usize,
}

impl<'m> Message<'m> {
    /// Reads a client's message; `None` if it is none.
    pub fn parse(bytes: &'m [u8]) -> Option<Self> {
        let header = bytes.get(..HEADER_LEN)?;
        if header[..3] != [REQUEST, 1, 6] || header[236..] != COOKIE {
            return None;
        }
        let mut message = Self {
            kind: Kind::Offer,
            exchange: [header[4], header[5], header[6], header[7]],
            wants_broadcast: header[10] & BROADCAST != 0,
            has: address(&header[12..16])?,
            relay: address(&header[24..28])?,
            card: EthernetAddress::from_bytes(&header[28..34]),
            wants: None,
            server: None,
            client: None,
            list: &[],
            most: TAKEN_BY_ALL,
        };
        let mut more = 0;
        message.read(&bytes[HEADER_LEN..], &mut more)?;
        for (bit, place) in [(1, FILE), (2, NAME)] {
            if more & bit != 0 {
                message.read(&bytes[place], &mut 0)?;
            }
        }
        // A server's messages are none of a client's, and neither is one without a kind.
        (!matches!(message.kind, Kind::Offer | Kind::Ack | Kind::Nak)).then_some(message)
    }

    /// Reads options until their end, or that of the room they are in.
    fn read(&mut self, mut options: &'m [u8], more: &mut u8) -> Option<()> {
        while let Some((&number, rest)) = options.split_first().filter(|(number, _)| **number != option::END)
        {
            if number == option::PAD {
                options = rest;
                continue;
            }
            let (&len, rest) = rest.split_first()?;
            let (value, rest) = rest.split_at_checked(len.into())?;
            match (number, value) {
                (option::KIND, &[kind]) => self.kind = Kind::of(kind)?,
                (option::OVERLOAD, &[bits]) => *more = bits,
                (option::WANTED, value) => self.wants = Some(address(value)?),
                (option::SERVER, value) => self.server = Some(address(value)?),
                (option::LIST, value) => self.list = value,
                (option::CLIENT, value) if !value.is_empty() => self.client = Some(value),
                (option::MOST, &[high, low]) => {
                    self.most = TAKEN_BY_ALL.max(u16::from_be_bytes([high, low]).into());
                }
                _ => {}
            }
            options = rest;
        }
        Some(())
    }
}

impl Kind {
    fn of(number: u8) -> Option<Self> {
        use Kind::{Ack, Decline, Discover, Inform, Nak, Offer, Release, Request};
        let all = [Discover, Offer, Request, Decline, Ack, Nak, Release, Inform];
        all.into_iter().find(|kind| *kind as u8 == number)
    }
}

fn address(bytes: &[u8]) -> Option<Ipv4Address> {
    let &[a, b, c, d] = bytes else { return None };
    Some(Ipv4Address::new(a, b, c, d))
}

/// An answer in the making.
pub struct Answer {
    bytes: ArrayVec<u8, ANSWER_MAX>,
    most: usize,
}

impl Answer {
    /// One of this kind to a message, from `server`, with `your` address in it.
    pub fn new(kind: Kind, to: &Message<'_>, your: Ipv4Address, server: Ipv4Address) -> Self {
        let mut header = [0; HEADER_LEN];
        header[..3].copy_from_slice(&[REPLY, 1, 6]);
        header[4..8].copy_from_slice(&to.exchange);
        header[10] = if to.wants_broadcast { BROADCAST } else { 0 };
        if kind == Kind::Ack {
            header[12..16].copy_from_slice(&to.has.octets());
        }
        header[16..20].copy_from_slice(&your.octets());
        header[28..34].copy_from_slice(to.card.as_bytes());
        header[236..].copy_from_slice(&COOKIE);
        let mut answer = Self { bytes: ArrayVec::new(), most: to.most - IP_AND_UDP };
        answer.push(&header);
        answer.option(option::KIND, &[kind as u8]);
        answer.option(option::SERVER, &server.octets());
        answer
    }

    /// Adds an option, if there is room for it.
    pub fn option(&mut self, number: u8, value: &[u8]) {
        let room = self.most.min(ANSWER_MAX) - self.bytes.len();
        if room >= value.len() + 3 {
            self.push(&[number, value.len() as u8]);
            self.push(value);
        }
    }

    /// Ends it, and makes it as long as all clients take it.
    pub fn finish(mut self) -> ArrayVec<u8, ANSWER_MAX> {
        self.push(&[option::END]);
        while self.bytes.len() < LEN_MIN {
            self.push(&[option::PAD]);
        }
        self.bytes
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes.try_extend_from_slice(bytes).expect("`option` has looked for room, and the rest is short");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A message with these options.
    fn message(options: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; HEADER_LEN];
        bytes[..8].copy_from_slice(&[1, 1, 6, 0, 1, 2, 3, 4]);
        bytes[28..34].copy_from_slice(&[2, 0, 0, 0, 0, 1]);
        bytes[236..].copy_from_slice(&COOKIE);
        [&bytes[..], options].concat()
    }

    #[test]
    fn options_are_read_and_unknown_ones_passed_over() {
        let options = [
            0, 0, 200, 2, 9, 9, 53, 1, 3, 50, 4, 10, 77, 0, 8, 61, 2, 1, 7, 57, 2, 5, 220, 55, 2, 1, 3, 255,
            53, 1, 1,
        ];
        let bytes = message(&options);
        let read = Message::parse(&bytes).unwrap();
        assert_eq!((read.kind, read.wants), (Kind::Request, Some(Ipv4Address::new(10, 77, 0, 8))));
        assert_eq!((read.client, read.most, read.list), (Some(&[1, 7][..]), 1500, &[1, 3][..]));
        assert_eq!(read.exchange, [1, 2, 3, 4]);
    }

    #[test]
    fn options_go_on_where_they_are_said_to() {
        let mut bytes = message(&[52, 1, 3, 255]);
        bytes[108..112].copy_from_slice(&[53, 1, 8, 255]);
        bytes[44..50].copy_from_slice(&[54, 4, 10, 77, 0, 1]);
        let read = Message::parse(&bytes).unwrap();
        assert_eq!((read.kind, read.server), (Kind::Inform, Some(Ipv4Address::new(10, 77, 0, 1))));
        bytes[242] = 1;
        assert_eq!(Message::parse(&bytes).unwrap().server, None);
    }

    #[test]
    fn what_is_no_client_s_message_is_none() {
        let good = message(&[53, 1, 1, 255]);
        assert!(Message::parse(&good).is_some());
        for (place, byte) in
            [(0, 2), (1, 6), (2, 8), (236, 0), (242, 2), (242, 5), (242, 6), (242, 9), (241, 200)]
        {
            let mut bad = good.clone();
            bad[place] = byte;
            assert_eq!(Message::parse(&bad), None, "{byte} at {place}");
        }
        assert_eq!(Message::parse(&good[..239]), None);
        assert_eq!(Message::parse(&message(&[])), None, "no kind");
    }

    proptest! {
        #[test]
        fn any_message_is_read_or_not(
            options in proptest::collection::vec(any::<u8>(), 0..600), changes in proptest::collection::vec((0usize..240, any::<u8>()), 0..4),
            client in proptest::collection::vec(any::<u8>(), 0..255),
        ) {
            let mut bytes = message(&[&[53, 1, 1][..], &options].concat());
            for (place, byte) in changes {
                bytes[place] = byte;
            }
            if let Some(read) = Message::parse(&bytes) {
                let mut answer = Answer::new(Kind::Ack, &read, read.has, read.has);
                (0..10).for_each(|_| answer.option(option::CLIENT, &client));
                let answer = answer.finish();
                prop_assert!(answer.contains(&option::END) && answer.len() >= LEN_MIN && answer.len() + IP_AND_UDP <= read.most.max(ANSWER_MAX));
            }
        }
    }
}
