//! The page about the Host, and just enough HTTP to hand it over.
//!
//! Invariants:
//! - A request is answered once it is complete, or too long to be one
//!   (`a_request_in_pieces_is_answered_when_it_is_whole`).
//! - A page that does not fit the socket ends where it does, and the answer is sound all the same.
//!
//! Source: RFC 1945, "Hypertext Transfer Protocol -- HTTP/1.0".
//!
//! Next on the tour: [`super`].

use core::fmt::{self, Write};

use smoltcp::socket::tcp;

/// What the page shows: the rest of the Host, as text of a few lines.
pub type About<'a> = dyn fmt::Display + 'a;

/// Ends a request.
const END: &[u8] = b"\r\n\r\n";

/// What a request deserves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Answer {
    Page,
    NotFound,
    NotUnderstood,
}

/// Answers the request on a socket if it is complete; says whether anything was done.
pub fn answer(socket: &mut tcp::Socket<'_>, about: &About<'_>) -> bool {
    let capacity = socket.recv_capacity();
    let Some(answer) = socket.peek(capacity).ok().and_then(|request| judge(request, capacity)) else {
        return false;
    };
    // Whatever comes behind the request is not read.
    while let Ok(1..) = socket.recv(|bytes| (bytes.len(), bytes.len())) {}
    // A page that is cut off has nobody to be told.
    let _ = write(&mut Writer(socket), answer, about);
    socket.close();
    true
}

/// Judges what has come of a request; `None` if it is not whole yet.
fn judge(request: &[u8], capacity: usize) -> Option<Answer> {
    if !request.windows(END.len()).any(|window| window == END) {
        return (request.len() >= capacity).then_some(Answer::NotUnderstood);
    }
    let line = request.split(|&byte| byte == b'\r').next().unwrap_or(&[]);
    let mut words = line.split(|&byte| byte == b' ');
    Some(match (words.next(), words.next()) {
        (Some(b"GET"), Some(b"/")) => Answer::Page,
        (Some(b"GET"), Some(_)) => Answer::NotFound,
        _ => Answer::NotUnderstood,
    })
}

fn write(out: &mut dyn Write, answer: Answer, about: &About<'_>) -> fmt::Result {
    let status = match answer {
        Answer::Page => "200 OK",
        Answer::NotFound => "404 Not Found",
        Answer::NotUnderstood => "400 Bad Request",
    };
    write!(out, "HTTP/1.0 {status}\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close\r\n\r\n")?;
    match answer {
        Answer::Page => {
            write!(out, "<!DOCTYPE html><title>Kennel</title><h1>Kennel</h1><pre>\n{about}</pre>\n")
        }
        Answer::NotFound | Answer::NotUnderstood => writeln!(out, "{status}"),
    }
}

/// A socket to be written to, as far as its buffer goes.
struct Writer<'s, 'a>(&'s mut tcp::Socket<'a>);

impl Write for Writer<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        match self.0.send_slice(text.as_bytes()) {
            Ok(len) if len == text.len() => Ok(()),
            Ok(_) | Err(_) => Err(fmt::Error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_apart() {
        assert_eq!(judge(b"GET / HTTP/1.0\r\n\r\n", 100), Some(Answer::Page));
        assert_eq!(judge(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n", 100), Some(Answer::NotFound));
        assert_eq!(judge(b"PUT / HTTP/1.1\r\n\r\n", 100), Some(Answer::NotUnderstood));
        assert_eq!(judge(b"\r\n\r\n", 100), Some(Answer::NotUnderstood));
    }

    #[test]
    fn a_request_in_pieces_is_answered_when_it_is_whole() {
        assert_eq!(judge(b"GET / HTTP/1.0\r\n", 100), None);
        assert_eq!(judge(&[b'x'; 100], 100), Some(Answer::NotUnderstood));
    }
}
