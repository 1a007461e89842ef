//! DNS: the names of the Guests on a network, and the gateway's own.
//!
//! A Guest is called what its line in the boot menu calls it, and `gateway` is
//! the gateway; upper and lower case are the same. Nobody else is known here,
//! and nobody is asked: there is no way out.
//!
//! ```text
//!   name of one on this network        A: its address    anything else: nothing, but it is there
//!   address of one, in in-addr.arpa    PTR: its name     the same
//!   another without a dot, or address  no such name
//!   another with one                   refused: ask somebody who knows more than this network
//! ```
//!
//! Invariants: whatever a query is, its answer repeats the question, with one record and what EDNS
//! wants at most (`any_query_is_answered_or_not`).
//!
//! Source: RFC 1035, 3.5 and 4; RFC 6891, 6 "The OPT pseudo-RR"; RFC 8906, 3.
//!
//! Next on the tour: [`super::http`].

mod query;

#[cfg(test)]
mod tests;

use arrayvec::ArrayVec;
use smoltcp::wire::Ipv4Address;

use self::query::{Fault, OPT, Query};

/// Bytes of the longest answer: header, longest name with type and class, a record, EDNS.
pub const ANSWER_MAX: usize = query::HEADER_LEN + 255 + 4 + 12 + 255 + EDNS_LEN;
const EDNS_LEN: usize = 11;
/// Where the question's name stands, as a record points there.
const QUESTION: u16 = 0xC000 | query::HEADER_LEN as u16;
/// Types and classes.
const A: u16 = 1;
const PTR: u16 = 12;
const ANY: u16 = 255;
const IN: u16 = 1;
/// Seconds an answer holds.
const HOLDS: u16 = 60;
/// Bytes of the longest datagram that is heard here.
const HEARD: u16 = 1472;
const RESPONSE: u8 = 0x80;
const AUTHORITATIVE: u8 = 0x04;
const RECURSION_DESIRED: u8 = 0x01;
/// What an address is asked for as, behind its numbers in reverse.
const REVERSE: &[u8] = b".in-addr.arpa";

/// What became of a query.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Code {
    NoError = 0,
    Malformed = 1,
    NoSuchName = 3,
    NotImplemented = 4,
    Refused = 5,
    /// The lower half is 0, and EDNS has the rest.
    OtherVersion = 16,
}

/// Who is called what.
pub trait Names {
    /// The address of the one that is called so.
    fn address_of(&self, name: &[u8]) -> Option<Ipv4Address>;
    /// What the one with this address is called.
    fn name_of(&self, address: Ipv4Address) -> Option<&str>;
    /// Whether an address is of this network.
    fn is_ours(&self, address: Ipv4Address) -> bool;
}

/// What is known of a name.
struct Known<'n> {
    code: Code,
    record: Option<Record<'n>>,
}

enum Record<'n> {
    Address(Ipv4Address),
    Name(&'n str),
}

/// Answers a query; `None` if it is no query at all.
pub fn answer(bytes: &[u8], names: &impl Names) -> Option<ArrayVec<u8, ANSWER_MAX>> {
    let query = Query::parse(bytes);
    let (question, edns, known) = match &query {
        Err(Fault::NoQuery) => return None,
        Err(Fault::OtherOperation) => (&[][..], None, Known::nothing(Code::NotImplemented)),
        Err(Fault::Malformed) => (&[][..], None, Known::nothing(Code::Malformed)),
        Ok(query) if query.edns.is_some_and(|version| version > 0) => {
            (query.question, query.edns, Known::nothing(Code::OtherVersion))
        }
        Ok(query) => (query.question, query.edns, look_up(query, names)),
    };
    let mut answer = Answer(ArrayVec::new());
    answer.head(bytes, &known, question.len(), edns.is_some())?;
    answer.push(question)?;
    known.record.into_iter().try_for_each(|record| answer.record(&record))?;
    edns.map_or(Some(()), |_| answer.edns(known.code))?;
    Some(answer.0)
}

fn look_up<'n>(query: &Query<'_>, names: &'n impl Names) -> Known<'n> {
    let name = query.name.text();
    if query.class != IN && query.class != ANY {
        return Known::nothing(Code::Refused);
    }
    let (is_there, is_ours, kind, record) = match reversed(name) {
        Some(address) => {
            let found = names.name_of(address);
            (found.is_some(), names.is_ours(address), PTR, found.map(Record::Name))
        }
        None => {
            let found = names.address_of(name);
            let is_ours = !name.is_empty() && !name.contains(&b'.');
            (found.is_some(), is_ours, A, found.map(Record::Address))
        }
    };
    let code = match (is_there, is_ours) {
        (true, _) => Code::NoError,
        (false, true) => Code::NoSuchName,
        (false, false) => Code::Refused,
    };
    Known { code, record: record.filter(|_| query.kind == kind || query.kind == ANY) }
}

/// The address in a name like `8.0.77.10.in-addr.arpa`.
fn reversed(name: &[u8]) -> Option<Ipv4Address> {
    let (numbers, end) = name.split_at_checked(name.len().checked_sub(REVERSE.len())?)?;
    let mut bytes = [0; 4];
    let mut parts = numbers.split(|&byte| byte == b'.');
    for byte in bytes.iter_mut().rev() {
        *byte = core::str::from_utf8(parts.next()?).ok()?.parse().ok()?;
    }
    (end.eq_ignore_ascii_case(REVERSE) && parts.next().is_none()).then(|| bytes.into())
}

impl Known<'_> {
    const fn nothing(code: Code) -> Self {
        Self { code, record: None }
    }
}

/// An answer in the making.
struct Answer(ArrayVec<u8, ANSWER_MAX>);

impl Answer {
    fn head(&mut self, query: &[u8], known: &Known<'_>, question: usize, has_edns: bool) -> Option<()> {
        let is_ours = matches!(known.code, Code::NoError | Code::NoSuchName);
        let authority = if is_ours { AUTHORITATIVE } else { 0 };
        // The operation is the query's, and so is the wish for recursion.
        let flags = RESPONSE | query[2] & (0x78 | RECURSION_DESIRED) | authority;
        self.push(&[query[0], query[1], flags, known.code as u8 & 0xF])?;
        let counts = [question > 0, known.record.is_some(), false, has_edns];
        counts.into_iter().try_for_each(|is_one| self.word(is_one.into()))
    }

    fn record(&mut self, record: &Record<'_>) -> Option<()> {
        let kind = if matches!(record, Record::Address(_)) { A } else { PTR };
        [QUESTION, kind, IN, 0, HOLDS].into_iter().try_for_each(|word| self.word(word))?;
        match record {
            Record::Address(address) => {
                self.word(4)?;
                self.push(&address.octets())
            }
            Record::Name(name) => {
                self.word(name.len() as u16 + 2)?;
                for label in name.split('.') {
                    self.push(&[label.len() as u8])?;
                    self.push(label.as_bytes())?;
                }
                self.push(&[0])
            }
        }
    }

    fn edns(&mut self, code: Code) -> Option<()> {
        self.push(&[0])?;
        [OPT, HEARD, (code as u16 >> 4) << 8, 0, 0].into_iter().try_for_each(|word| self.word(word))
    }

    fn word(&mut self, word: u16) -> Option<()> {
        self.push(&word.to_be_bytes())
    }

    fn push(&mut self, bytes: &[u8]) -> Option<()> {
        self.0.try_extend_from_slice(bytes).ok()
    }
}
