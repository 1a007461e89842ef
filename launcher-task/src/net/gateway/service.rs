//! What the gateway answers to over TCP.
//!
//! ```text
//!   port  what
//!      7  echo: everything comes back
//!      9  discard: everything is swallowed
//!     19  characters without end, for measuring
//!     80  a page about the Guest that asks, and its neighbours
//! ```
//!
//! A connection on which nothing moves for [`IDLE`] is cut.
//!
//! Invariants:
//! - A turn moves a bounded number of bytes (each socket's buffers, once).
//! - Nobody holds a socket without using it (`an_idle_connection_is_cut`).
//! - A socket is there for the next one as soon as the last packet of the one before is out
//!   (`a_connection_is_closed_by_both`).
//!
//! Source: RFC 862, 863 and 864.
//!
//! Next on the tour: [`super::http`].

use abi::Nanos;
use smoltcp::socket::tcp;

use super::{http, page::Page};

/// How long a connection may do nothing.
pub const IDLE: Nanos = Nanos::from_millis(10_000);
/// Bytes moved from one buffer to another at a time.
const COPY_LEN: usize = 1024;
/// Letters that the source of characters sends, from the blank on, and how many make a line.
const LETTERS: u32 = 95;
const LINE: u32 = 72;

/// A service.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Sends back what comes.
    Echo,
    /// Swallows what comes.
    Discard,
    /// Sends without end.
    Source,
    /// Answers one request, with a page about whoever asks.
    Http,
}

/// A service's port, and what it needs.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// What it does.
    pub kind: Kind,
    /// Its port.
    pub port: u16,
    /// How many sockets it has for each card.
    pub sockets: usize,
    /// Bytes that can come before they are taken.
    pub receive: usize,
    /// Bytes that can wait to go out.
    pub transmit: usize,
}

/// The TCP services.
pub const SERVICES: [Service; 4] = [
    Service { kind: Kind::Echo, port: 7, sockets: 2, receive: 8 << 10, transmit: 8 << 10 },
    Service { kind: Kind::Discard, port: 9, sockets: 1, receive: 64 << 10, transmit: 16 },
    Service { kind: Kind::Source, port: 19, sockets: 1, receive: 16, transmit: 64 << 10 },
    Service { kind: Kind::Http, port: 80, sockets: 3, receive: 1 << 10, transmit: 10 << 10 },
];

/// One socket of a service.
#[derive(Debug)]
pub struct Connection {
    /// What is done on it.
    pub service: Service,
    /// Whether somebody has called.
    is_called: bool,
    /// When something last moved.
    moved: Nanos,
    /// Characters sent, for the source.
    sent: u32,
}

impl Connection {
    /// A socket nobody has called yet.
    pub const fn new(service: Service) -> Self {
        Self { service, is_called: false, moved: Nanos(0), sent: 0 }
    }

    /// Waits for the next one, if a connection is over and its last packet on its way.
    pub fn reopen(&mut self, socket: &mut tcp::Socket<'_>) {
        if !socket.is_open() {
            // It is closed and the port is not 0, so there is nothing to refuse.
            let _ = socket.listen(self.service.port);
            (self.is_called, self.sent) = (false, 0);
        }
    }

    /// Gives its connection up without a word, and waits for the next one.
    pub fn forget(&mut self, socket: &mut tcp::Socket<'_>) {
        socket.abort();
        self.reopen(socket);
    }

    /// How long nothing has moved.
    pub fn silence(&self, now: Nanos) -> Nanos {
        if self.is_called { self.moved.until(now) } else { Nanos(0) }
    }

    /// Does what can be done now.
    pub fn serve(&mut self, socket: &mut tcp::Socket<'_>, now: Nanos, page: &mut Page<'_, '_>) {
        if !socket.is_open() || socket.is_listening() {
            return;
        }
        if !self.is_called {
            (self.is_called, self.moved) = (true, now);
        }
        let has_moved = match self.service.kind {
            Kind::Echo => echo(socket),
            Kind::Discard => discard(socket),
            Kind::Source => self.send_letters(socket),
            Kind::Http => http::answer(socket, page),
        };
        if has_moved {
            self.moved = now;
        } else if self.silence(now) >= IDLE {
            socket.abort();
        }
        if !socket.may_recv() && socket.recv_queue() == 0 && socket.state() == tcp::State::CloseWait {
            socket.close();
        }
    }

    fn send_letters(&mut self, socket: &mut tcp::Socket<'_>) -> bool {
        let mut sent = self.sent;
        while socket.can_send() && socket.may_recv() {
            let written = socket.send(|room| {
                for byte in room.iter_mut() {
                    *byte = letter(sent);
                    sent = sent.wrapping_add(1) % (LETTERS * (LINE + 2));
                }
                (room.len(), room.len())
            });
            if written.is_err() {
                break;
            }
        }
        discard(socket);
        core::mem::replace(&mut self.sent, sent) != sent
    }

    /// When it wants to be looked at, though nothing comes.
    pub fn due(&self, socket: &tcp::Socket<'_>) -> Nanos {
        if socket.is_active() { self.moved.after(IDLE) } else { Nanos::NEVER }
    }
}

/// Character `place` of the endless text: lines of letters, each a letter further on.
const fn letter(place: u32) -> u8 {
    let (line, column) = (place / (LINE + 2), place % (LINE + 2));
    match column {
        LINE => b'\r',
        column if column > LINE => b'\n',
        _ => b' ' + ((line + column) % LETTERS) as u8,
    }
}

fn echo(socket: &mut tcp::Socket<'_>) -> bool {
    let mut bytes = [0; COPY_LEN];
    let mut has_moved = false;
    loop {
        let room = socket.send_capacity() - socket.send_queue();
        let room = room.min(COPY_LEN);
        let taken = if socket.may_send() && room > 0 { socket.recv_slice(&mut bytes[..room]) } else { Ok(0) };
        match taken {
            Ok(len) if len > 0 => has_moved |= socket.send_slice(&bytes[..len]).is_ok(),
            Ok(_) | Err(_) => return has_moved,
        }
    }
}

fn discard(socket: &mut tcp::Socket<'_>) -> bool {
    let mut has_moved = false;
    while let Ok(1..) = socket.recv(|bytes| (bytes.len(), bytes.len())) {
        has_moved = true;
    }
    has_moved
}
