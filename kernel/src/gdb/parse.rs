//! A packet's body, parsed before anything is done.
//!
//! Invariants:
//! - Whatever a body says, it becomes a request or [`Request::Unknown`], to
//!   which the answer is empty, as the protocol wants it
//!   (`what_is_not_understood_is_unknown`, the fuzz target `gdb`).
//!
//! Source: "Debugging with GDB", "Remote Protocol: Packets".
//!
//! Next on the tour: [`super::registers`].

use alloc::vec::Vec;

use super::request::{Action, Point, Request, Whom};
use crate::guest::debug_registers::Kind;

impl Request {
    /// What `body` asks for.
    pub fn parse(body: &[u8]) -> Self {
        parse(body).unwrap_or(Self::Unknown)
    }
}

fn parse(body: &[u8]) -> Option<Request> {
    let (first, rest) = body.split_first()?;
    Some(match first {
        b'?' if rest.is_empty() => Request::Why,
        b'g' if rest.is_empty() => Request::ReadRegisters,
        b'G' => Request::WriteRegisters(from_hex(rest)?),
        b'p' => Request::ReadRegister(number(rest)?),
        b'P' => {
            let (place, hex) = split(rest, b'=')?;
            Request::WriteRegister { number: number(place)?, bytes: from_hex(hex)? }
        }
        b'm' => {
            let (at, len) = pair(rest, b',')?;
            Request::ReadMemory { at, len }
        }
        b'M' => {
            let (place, hex) = split(rest, b':')?;
            let ((at, len), bytes) = (pair(place, b',')?, from_hex(hex)?);
            (bytes.len() == len as usize).then_some(Request::WriteMemory { at, bytes })?
        }
        b'H' => match rest.split_first()? {
            (b'g', whom) => Request::Choose(self::whom(whom)?),
            (b'c', _) => Request::ChooseToRun,
            _ => return None,
        },
        b'T' => Request::IsAlive(whom(rest)?),
        b'c' | b'C' => Request::Go([(Action::Continue, Whom::All)].into()),
        b's' | b'S' => Request::Go([(Action::Step, Whom::All)].into()),
        b'Z' | b'z' => Request::Set { point: point(rest)?, on: *first == b'Z' },
        b'D' if rest.is_empty() => Request::Detach(Whom::All),
        b'D' => Request::Detach(Whom::Process(number(rest.strip_prefix(b";")?)?)),
        b'k' => Request::Kill(Whom::All),
        b'q' | b'Q' => return query(body),
        b'v' => return verb(body),
        _ => return None,
    })
}

fn query(body: &[u8]) -> Option<Request> {
    if let Some(features) = body.strip_prefix(b"qSupported") {
        let mut features = features.split(|byte| matches!(byte, b':' | b';'));
        return Some(Request::Hello { knows_processes: features.any(|feature| feature == b"multiprocess+") });
    }
    if let Some(who) = body.strip_prefix(b"qThreadExtraInfo,") {
        return Some(Request::Name(whom(who)?));
    }
    if let Some(line) = body.strip_prefix(b"qRcmd,") {
        return Some(Request::Monitor(from_hex(line)?));
    }
    if let Some(part) = body.strip_prefix(b"qXfer:features:read:target.xml:") {
        let (offset, len) = pair(part, b',')?;
        return Some(Request::Description { offset, len });
    }
    match body {
        b"QStartNoAckMode" => Some(Request::NoAcknowledgements),
        b"qfThreadInfo" => Some(Request::List),
        b"qsThreadInfo" => Some(Request::ListMore),
        b"qC" => Some(Request::Current),
        b"qHostInfo" => Some(Request::Machine),
        b"qProcessInfo" => Some(Request::Process),
        _ => body.starts_with(b"qAttached").then_some(Request::IsAttached),
    }
}

fn verb(body: &[u8]) -> Option<Request> {
    if let Some(process) = body.strip_prefix(b"vKill;") {
        return Some(Request::Kill(Whom::Process(number(process)?)));
    }
    match body.strip_prefix(b"vCont")?.split_first()? {
        (b'?', []) => Some(Request::Actions),
        (b';', actions) => {
            actions.split(|&byte| byte == b';').map(action).collect::<Option<_>>().map(Request::Go)
        }
        _ => None,
    }
}

/// One of `vCont`'s: `c`, `s`, or the same in capitals with a signal, which means nothing here.
fn action(text: &[u8]) -> Option<(Action, Whom)> {
    let (what, who) =
        split(text, b':').map_or((text, Whom::All), |(what, who)| (what, whom(who).unwrap_or(Whom::All)));
    match what.first()? {
        b'c' | b'C' => Some((Action::Continue, who)),
        b's' | b'S' => Some((Action::Step, who)),
        _ => None,
    }
}

/// `p2.2`, `p2.-1`, `p2`, `2`; `-1` and `0` are anybody. A thread has its process's number.
fn whom(text: &[u8]) -> Option<Whom> {
    let process = match text.strip_prefix(b"p") {
        Some(text) => split(text, b'.').map_or(text, |(process, _)| process),
        None => text,
    };
    match process {
        b"-1" | b"0" => Some(Whom::All),
        digits => number(digits).map(|number| if number == 0 { Whom::All } else { Whom::Process(number) }),
    }
}

/// Behind `Z`: type, address, kind or length; conditions and commands may follow, and are GDB's to do.
fn point(text: &[u8]) -> Option<Point> {
    let text = split(text, b';').map_or(text, |(point, _)| point);
    let (what, place) = split(text, b',')?;
    let (at, len) = pair(place, b',')?;
    let watch = |kind| Some(Point::Hardware { at, len, kind });
    match what {
        b"0" => Some(Point::Software { at }),
        b"1" => Some(Point::Hardware { at, len: 1, kind: Kind::Execute }),
        b"2" => watch(Kind::Write),
        // The CPU cannot wait for reads alone.
        b"3" | b"4" => watch(Kind::Access),
        _ => None,
    }
}

fn split(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let place = text.iter().position(|&byte| byte == at)?;
    Some((&text[..place], &text[place + 1..]))
}

fn pair(text: &[u8], between: u8) -> Option<(u32, u32)> {
    let (first, second) = split(text, between)?;
    Some((number(first)?, number(second)?))
}

/// A number in hex, digits alone.
fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    digits.iter().try_fold(0, |number, &digit| Some(number << 4 | u32::from(nibble(digit)?)))
}

/// The bytes that pairs of hex digits stand for.
pub fn from_hex(digits: &[u8]) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(nibble(*high)? << 4 | nibble(*low)?));
    bytes.collect::<Option<Vec<u8>>>().filter(|_| rest.is_empty())
}

/// Two hex digits for each byte.
pub fn to_hex(bytes: &[u8]) -> Vec<u8> {
    let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble & 15)];
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
