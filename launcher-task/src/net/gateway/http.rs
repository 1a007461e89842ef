//! Just enough HTTP to hand the page over: one request and one answer on a connection.
//!
//! ```text
//!   GET /            200 and the page        HEAD /        the same without it
//!   GET /else        404                     other method  405, or 501 if it is no method of HTTP
//!   not HTTP/1.x     505                     nonsense      400, and 431 if it does not end
//! ```
//!
//! The connection is closed behind the answer, and the answer says so: a
//! client with another question asks again on another connection.
//!
//! Invariants:
//! - A request is answered once it is complete, or too long to be one
//!   (`a_request_in_pieces_is_answered_when_it_is_whole`).
//! - An answer has as many bytes as it says (`an_answer_has_the_length_it_says`).
//!
//! Source: RFC 9110, 9 and 15; RFC 9112, 2 to 3 and 9.6; RFC 1945.
//!
//! Next on the tour: [`super::page`].

use core::fmt::{self, Write};

use smoltcp::socket::tcp;
use smoltcp::wire::IpAddress;

use super::page::Page;

/// Methods that are known, and not for pages that are only read.
const METHODS: [&[u8]; 7] = [b"POST", b"PUT", b"DELETE", b"CONNECT", b"OPTIONS", b"TRACE", b"PATCH"];

/// What a request deserves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Status {
    Page,
    BadRequest,
    NotFound,
    NotAllowed,
    TooLong,
    NotImplemented,
    OtherVersion,
}

/// The answer to a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Answer {
    status: Status,
    /// The client speaks HTTP/1.0, and is answered so.
    is_old: bool,
    /// Only the header is wanted.
    is_head: bool,
}

/// Answers the request on a socket if it is complete; says whether anything was done.
pub fn answer(socket: &mut tcp::Socket<'_>, page: &mut Page<'_, '_>) -> bool {
    let capacity = socket.recv_capacity();
    let Some(answer) = socket.peek(capacity).ok().and_then(|request| judge(request, capacity)) else {
        return false;
    };
    // Whatever comes behind the request is not read.
    while let Ok(1..) = socket.recv(|bytes| (bytes.len(), bytes.len())) {}
    let reader = socket.remote_endpoint().and_then(|end| match end.addr {
        IpAddress::Ipv4(address) => page.subnet.port_of(address),
    });
    let reason = answer.status.reason();
    let content = if answer.status == Status::Page { page.write(reader) } else { reason.as_bytes() };
    // An answer that is cut off has nobody to be told.
    let _ = write(&mut Writer(socket), answer, content);
    socket.close();
    true
}

/// Judges what has come of a request; `None` if it is not whole yet.
fn judge(request: &[u8], capacity: usize) -> Option<Answer> {
    // An empty line before a request is none.
    let request = request.strip_prefix(b"\r\n").unwrap_or(request);
    let of = |status| Answer { status, is_old: true, is_head: false };
    let Some(end) = end(request) else {
        return (request.len() + 2 >= capacity).then_some(of(Status::TooLong));
    };
    let mut lines =
        request[..end].split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let mut words = lines.next().unwrap_or(&[]).split(|&byte| byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Some(of(Status::BadRequest));
    };
    let is_old = version == b"HTTP/1.0";
    let has_host = lines.any(|line| line.get(..5).is_some_and(|name| name.eq_ignore_ascii_case(b"host:")));
    let status = match (method, path(target)) {
        _ if !version.starts_with(b"HTTP/") || !method.iter().all(u8::is_ascii_graphic) => Status::BadRequest,
        _ if !version.starts_with(b"HTTP/1.") => Status::OtherVersion,
        _ if !is_old && !has_host => Status::BadRequest,
        (b"GET" | b"HEAD", b"/") => Status::Page,
        (b"GET" | b"HEAD", _) => Status::NotFound,
        (method, _) if METHODS.contains(&method) => Status::NotAllowed,
        _ => Status::NotImplemented,
    };
    Some(Answer { status, is_old, is_head: method == b"HEAD" })
}

/// Where a request's header ends: behind the first empty line, whatever its lines end in.
fn end(request: &[u8]) -> Option<usize> {
    let is_empty = |line: &[u8]| line == b"\n" || line == b"\r\n";
    let mut at = 0;
    for line in request.split_inclusive(|&byte| byte == b'\n') {
        at += line.len();
        if is_empty(line) {
            return Some(at);
        }
    }
    None
}

/// The path of a target, without `http://HOST` before it and without a query behind it.
fn path(target: &[u8]) -> &[u8] {
    let target = match target.strip_prefix(b"http://") {
        Some(rest) => rest.iter().position(|&byte| byte == b'/').map_or(&b"/"[..], |slash| &rest[slash..]),
        None => target,
    };
    target.split(|&byte| byte == b'?').next().unwrap_or(target)
}

impl Status {
    const fn reason(self) -> &'static str {
        match self {
            Self::Page => "200 OK",
            Self::BadRequest => "400 Bad Request",
            Self::NotFound => "404 Not Found",
            Self::NotAllowed => "405 Method Not Allowed",
            Self::TooLong => "431 Request Header Fields Too Large",
            Self::NotImplemented => "501 Not Implemented",
            Self::OtherVersion => "505 HTTP Version Not Supported",
        }
    }
}

fn write(out: &mut Writer<'_, '_>, answer: Answer, content: &[u8]) -> fmt::Result {
    let Answer { status, is_old, is_head } = answer;
    let version = if is_old { "HTTP/1.0" } else { "HTTP/1.1" };
    let kind = if status == Status::Page { "html" } else { "plain" };
    write!(out, "{version} {}\r\nContent-Type: text/{kind}; charset=utf-8\r\n", status.reason())?;
    if status == Status::NotAllowed {
        out.write_str("Allow: GET, HEAD\r\n")?;
    }
    write!(out, "Content-Length: {}\r\nConnection: close\r\n\r\n", content.len())?;
    if is_head { Ok(()) } else { out.bytes(content) }
}

/// A socket to be written to, as far as its buffer goes.
struct Writer<'s, 'a>(&'s mut tcp::Socket<'a>);

impl Writer<'_, '_> {
    fn bytes(&mut self, bytes: &[u8]) -> fmt::Result {
        match self.0.send_slice(bytes) {
            Ok(len) if len == bytes.len() => Ok(()),
            Ok(_) | Err(_) => Err(fmt::Error),
        }
    }
}

impl Write for Writer<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(request: &[u8]) -> Option<Status> {
        judge(request, 100).map(|answer| answer.status)
    }

    #[test]
    fn requests_are_told_apart() {
        for (request, expected) in [
            (&b"GET / HTTP/1.0\r\n\r\n"[..], Status::Page),
            (b"\r\nGET /?x=1 HTTP/1.1\r\nhOsT: x\r\n\r\n", Status::Page),
            (b"GET http://gateway/ HTTP/1.1\r\nHost: gateway\r\n\r\n", Status::Page),
            (b"HEAD http://gateway HTTP/1.0\n\n", Status::Page),
            (b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n", Status::NotFound),
            (b"GET / HTTP/1.1\r\n\r\n", Status::BadRequest),
            (b"PUT / HTTP/1.1\r\nHost: x\r\n\r\n", Status::NotAllowed),
            (b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", Status::NotImplemented),
            (b"GET / HTTP/2.0\r\n\r\n", Status::OtherVersion),
            (b"GET / x\r\n\r\n", Status::BadRequest),
            (b"GET /\r\n\r\n", Status::BadRequest),
            (b"\r\n\r\n", Status::BadRequest),
        ] {
            assert_eq!(status(request), Some(expected), "{:?}", String::from_utf8_lossy(request));
        }
    }

    #[test]
    fn a_request_in_pieces_is_answered_when_it_is_whole() {
        assert_eq!(status(b"GET / HTTP/1.0\r\n"), None);
        assert_eq!(status(b""), None);
        assert_eq!(status(&[b'x'; 100]), Some(Status::TooLong));
    }

    #[test]
    fn an_answer_is_of_the_version_that_was_asked_in() {
        let answer = |request| judge(request, 100).unwrap();
        let old = answer(b"HEAD / HTTP/1.0\r\n\r\n");
        assert!(old.is_old && old.is_head);
        let new = answer(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(!new.is_old && !new.is_head);
    }
}
