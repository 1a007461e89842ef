//! A query, read: its one question, and whether it speaks EDNS.
//!
//! ```text
//!  0 number  2 flags  4 questions  6 answers  8 authorities  10 more      12 name type class
//!                                             records: name type class time length bytes
//! ```
//!
//! Invariants: each record that is looked at takes some of the query's bytes, so they end.
//!
//! Source: RFC 1035, 4.1; RFC 6891, 6.1.
//!
//! Next on the tour: [`super::super::http`].

pub const OPT: u16 = 41;
/// Bytes of a message's header.
pub const HEADER_LEN: usize = 12;
/// Bytes of the longest name, as text.
const NAME_MAX: usize = 253;
/// Most bytes of a label; above, it is a pointer.
const LABEL_MAX: u8 = 63;

/// Why there is no question.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// It is an answer, or too short for anything.
    NoQuery,
    /// It wants something else done.
    OtherOperation,
    /// It has not one question, or cannot be read.
    Malformed,
}

/// A query.
pub struct Query<'q> {
    /// The question's bytes.
    pub question: &'q [u8],
    /// The name that is asked for.
    pub name: Name,
    /// The type of record.
    pub kind: u16,
    /// Its class.
    pub class: u16,
    /// The version of EDNS it speaks.
    pub edns: Option<u8>,
}

/// A name as text.
pub struct Name {
    bytes: [u8; NAME_MAX],
    len: usize,
}

impl<'q> Query<'q> {
    /// Reads a query.
    pub fn parse(bytes: &'q [u8]) -> Result<Self, Fault> {
        let (header, rest) = bytes.split_at_checked(HEADER_LEN).ok_or(Fault::NoQuery)?;
        if header[2] & 0x80 != 0 {
            return Err(Fault::NoQuery);
        }
        if header[2] & 0x78 != 0 {
            return Err(Fault::OtherOperation);
        }
        Self::ask(header, rest).ok_or(Fault::Malformed)
    }

    fn ask(header: &[u8], rest: &'q [u8]) -> Option<Self> {
        let [questions, answers, authorities, more] =
            [4, 6, 8, 10].map(|at| u16::from_be_bytes([header[at], header[at + 1]]));
        let (name, behind) = Name::read(rest)?;
        let (fields, mut records) = behind.split_at_checked(4)?;
        let question = &rest[..rest.len() - records.len()];
        let word = |at| u16::from_be_bytes([fields[at], fields[at + 1]]);
        let mut query = Self { question, name, kind: word(0), class: word(2), edns: None };
        if questions != 1 {
            return None;
        }
        for _ in 0..u32::from(answers) + u32::from(authorities) + u32::from(more) {
            records = query.record(records)?;
        }
        Some(query)
    }

    /// Looks at a record: of those that may come with a question, one is of EDNS.
    fn record(&mut self, bytes: &'q [u8]) -> Option<&'q [u8]> {
        let behind = skip_name(bytes)?;
        let (fields, behind) = behind.split_at_checked(10)?;
        if fields[..2] == OPT.to_be_bytes() {
            if self.edns.is_some() || bytes[0] != 0 {
                return None;
            }
            self.edns = Some(fields[5]);
        }
        behind.get(usize::from(u16::from_be_bytes([fields[8], fields[9]]))..)
    }
}

impl Name {
    /// Reads a question's name, which has no reason to point elsewhere, so a pointer is none; and
    /// what stands behind it.
    fn read(mut labels: &[u8]) -> Option<(Self, &[u8])> {
        let mut name = Self { bytes: [0; NAME_MAX], len: 0 };
        loop {
            let (&len, rest) = labels.split_first().filter(|(len, _)| **len <= LABEL_MAX)?;
            let (label, rest) = rest.split_at_checked(len.into())?;
            labels = rest;
            if len == 0 {
                return Some((name, labels));
            }
            if name.len > 0 {
                name.push(b".")?;
            }
            name.push(label)?;
        }
    }

    /// The name without a dot at its end.
    pub fn text(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    fn push(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.len + bytes.len();
        self.bytes.get_mut(self.len..end)?.copy_from_slice(bytes);
        self.len = end;
        Some(())
    }
}

/// What stands behind a record's name, which may end in a pointer.
fn skip_name(mut bytes: &[u8]) -> Option<&[u8]> {
    loop {
        let (&len, rest) = bytes.split_first()?;
        bytes = match len {
            0 => return Some(rest),
            1..=LABEL_MAX => rest.get(usize::from(len)..)?,
            _ => return rest.get(1..),
        };
    }
}
