//! DNS: the names of the Guests on a network, and the gateway's own.
//!
//! A Guest is called what its line in the boot menu calls it, and `gateway` is
//! the gateway; upper and lower case are the same. Nobody else is known here,
//! and nobody is asked: there is no way out.
//!
//! ```text
//!   name of one on this network   A: its address     anything else: nothing, but it is there
//!   another without a dot         no such name
//!   another with one              refused: ask somebody who knows more than this network
//! ```
//!
//! Invariants: whatever a query is, its answer repeats the question and no more than that and one
//! record (`any_query_is_answered_or_not`).
//!
//! Source: RFC 1035, 4 "Messages"; RFC 8906, 3.
//!
//! Next on the tour: [`super::wire`].

use smoltcp::wire::{DnsFlags, DnsOpcode, DnsPacket, DnsQueryType, DnsQuestion, DnsRcode, Ipv4Address};

/// Bytes of a message's header.
const HEADER_LEN: usize = 12;
/// Bytes of the longest name, as text.
const NAME_MAX: usize = 253;
/// Bytes of the longest answer: header, longest name with type and class, a record.
pub const ANSWER_MAX: usize = HEADER_LEN + 255 + 4 + RECORD_LEN;
/// A record: its name, which is the question's; A, IN; how long it holds; an address.
const RECORD_LEN: usize = 16;
/// Where the question's name stands, as a record points there.
const QUESTION: u16 = 0xC000 | HEADER_LEN as u16;
const A: u16 = 1;
const IN: u16 = 1;
/// Seconds an answer holds.
const HOLDS: u32 = 60;

/// A name as text.
struct Name {
    bytes: [u8; NAME_MAX],
    len: usize,
}

/// Answers a query into `into`, and returns how many bytes that takes: none if it is no query at
/// all. `find` knows the addresses.
pub fn answer(
    query: &[u8],
    find: impl FnOnce(&[u8]) -> Option<Ipv4Address>,
    into: &mut [u8; ANSWER_MAX],
) -> Option<usize> {
    let query = DnsPacket::new_checked(query).ok()?;
    if query.flags().contains(DnsFlags::RESPONSE) {
        return None;
    }
    let (mut code, mut found, mut asked) = (DnsRcode::FormErr, None, &[][..]);
    if query.opcode() != DnsOpcode::Query {
        code = DnsRcode::NotImp;
    } else if let Some((name, question, kind)) = question(&query) {
        let address = find(&name.bytes[..name.len]);
        let has_dot = name.bytes[..name.len].contains(&b'.');
        code = match address {
            Some(_) => DnsRcode::NoError,
            None if has_dot || name.len == 0 => DnsRcode::Refused,
            None => DnsRcode::NXDomain,
        };
        (found, asked) = (address.filter(|_| kind == DnsQueryType::A), question);
    }
    write(&query, code, asked, found, into)
}

/// The one question of a query: its name, its bytes, and what is wanted.
fn question<'q>(query: &'q DnsPacket<&[u8]>) -> Option<(Name, &'q [u8], DnsQueryType)> {
    let payload = query.payload();
    let (rest, question) = DnsQuestion::parse(payload).ok()?;
    let name = Name::of(question.name)?;
    (query.question_count() == 1).then_some((name, &payload[..payload.len() - rest.len()], question.type_))
}

fn write(
    query: &DnsPacket<&[u8]>,
    code: DnsRcode,
    question: &[u8],
    found: Option<Ipv4Address>,
    into: &mut [u8; ANSWER_MAX],
) -> Option<usize> {
    let end = HEADER_LEN + question.len();
    into[..HEADER_LEN].fill(0);
    into.get_mut(HEADER_LEN..end)?.copy_from_slice(question);
    let mut answer = DnsPacket::new_unchecked(&mut into[..HEADER_LEN]);
    answer.set_transaction_id(query.transaction_id());
    answer.set_opcode(query.opcode());
    let desired = query.flags() & DnsFlags::RECURSION_DESIRED;
    let is_ours = matches!(code, DnsRcode::NoError | DnsRcode::NXDomain);
    let authority = if is_ours { DnsFlags::AUTHORITATIVE } else { DnsFlags::empty() };
    answer.set_flags(DnsFlags::RESPONSE | authority | desired);
    answer.set_question_count(u16::from(!question.is_empty()));
    answer.set_answer_record_count(found.iter().len() as u16);
    into[3] |= u8::from(code);
    let Some(address) = found else { return Some(end) };
    let mut record = [0; RECORD_LEN];
    for (place, word) in [QUESTION, A, IN, 0, HOLDS as u16, 4].into_iter().enumerate() {
        record[2 * place..2 * place + 2].copy_from_slice(&word.to_be_bytes());
    }
    record[12..].copy_from_slice(&address.octets());
    into.get_mut(end..end + RECORD_LEN)?.copy_from_slice(&record);
    Some(end + RECORD_LEN)
}

impl Name {
    /// Reads labels; a name in a question has no reason to point elsewhere, so a pointer is none.
    fn of(mut labels: &[u8]) -> Option<Self> {
        let mut name = Self { bytes: [0; NAME_MAX], len: 0 };
        while let Some((&len, rest)) = labels.split_first().filter(|(len, _)| **len > 0) {
            let label = rest.get(..usize::from(len))?;
            if name.len > 0 {
                name.push(b".")?;
            }
            name.push(label)?;
            labels = &rest[label.len()..];
        }
        Some(name)
    }

    fn push(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.len + bytes.len();
        self.bytes.get_mut(self.len..end)?.copy_from_slice(bytes);
        self.len = end;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ADDRESS: Ipv4Address = Ipv4Address::new(10, 77, 0, 8);

    fn query(labels: &[&str], kind: u16) -> Vec<u8> {
        let mut bytes = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in labels {
            bytes.push(label.len() as u8);
            bytes.extend(label.bytes());
        }
        bytes.push(0);
        bytes.extend([0, kind as u8, 0, 1]);
        bytes
    }

    /// Answers as if there were one Guest, `a`.
    fn ask(query: &[u8]) -> Option<Vec<u8>> {
        let mut into = [0; ANSWER_MAX];
        let find = |name: &[u8]| name.eq_ignore_ascii_case(b"a").then_some(ADDRESS);
        answer(query, find, &mut into).map(|len| into[..len].to_vec())
    }

    /// Flags and counts of an answer: what stands behind the number.
    fn head(query: &[u8]) -> Vec<u8> {
        ask(query).unwrap()[2..12].to_vec()
    }

    #[test]
    fn a_guest_is_found_by_its_name() {
        for name in ["a", "A"] {
            let query = query(&[name], 1);
            let record = [0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 77, 0, 8];
            let head = [0x12, 0x34, 0x85, 0, 0, 1, 0, 1, 0, 0, 0, 0];
            assert_eq!(ask(&query).unwrap(), [&head[..], &query[12..], &record].concat());
        }
    }

    #[test]
    fn a_name_that_is_there_has_nothing_but_an_address() {
        assert_eq!(head(&query(&["a"], 28)), [0x85, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn other_names_are_not_there_or_none_of_ours() {
        let code = |labels: &[&str]| head(&query(labels, 1))[1];
        assert_eq!([code(&["b"]), code(&["a", "org"]), code(&[])], [3, 5, 5]);
    }

    #[test]
    fn what_is_no_question_is_told_so() {
        let mut two = query(&["a"], 1);
        two[5] = 2;
        assert_eq!(head(&two), [0x81, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        let mut status = query(&["a"], 1);
        status[2] = 0x10;
        assert_eq!(head(&status), [0x90, 4, 0, 0, 0, 0, 0, 0, 0, 0]);
        let mut answer = query(&["a"], 1);
        answer[2] = 0x80;
        assert_eq!((ask(&answer), ask(&[0; 11])), (None, None));
        let pointer = [&query(&[], 1)[..12], &[0xC0, 12, 0, 1, 0, 1]].concat();
        assert_eq!(head(&pointer)[1], 1, "it points at itself");
    }

    proptest! {
        #[test]
        fn any_query_is_answered_or_not(
            labels in proptest::collection::vec("[a-c.]{1,63}", 0..6),
            changes in proptest::collection::vec((0usize..200, any::<u8>()), 0..4),
        ) {
            let mut query = query(&labels.iter().map(String::as_str).collect::<Vec<_>>(), 1);
            for (place, byte) in changes {
                query.get_mut(place).into_iter().for_each(|old| *old = byte);
            }
            if let Some(answer) = ask(&query) {
                prop_assert!(answer.len() <= query.len() + RECORD_LEN && answer[2] & 0x80 != 0);
                prop_assert_eq!(&answer[..2], &query[..2]);
            }
        }
    }
}
