//! A line to the machine: words out, words in, with a deadline.
//!
//! The emulators connect to a TCP port this side listens on, so there is no port to guess
//! and no moment at which a byte could be lost. A serial port and QEMU's monitor are both
//! such lines.
//!
//! Invariants:
//! - What was waited for is consumed: the next wait looks behind it
//!   (`each_wait_starts_behind_the_last`).
//! - Lines end in `\n` alone, whatever the other side sends
//!   (`a_carriage_return_is_not_heard`).
//!
//! Next on the tour: [`crate::session`].

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The end of a line before the emulator has called.
#[derive(Debug)]
pub struct Socket(TcpListener);

/// A connected line and all that was heard on it.
#[derive(Debug)]
pub struct Link {
    stream: TcpStream,
    heard: Vec<u8>,
    consumed: usize,
    deadline: Instant,
    is_shown: bool,
}

/// Why a wait did not end well.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LinkError {
    /// The deadline passed.
    TooLate,
    /// The other side is gone.
    Closed,
}

impl Socket {
    /// Listens on a port the system picks.
    pub fn listen() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a local port can be had");
        listener.set_nonblocking(true).expect("a socket can be polled");
        Self(listener)
    }

    /// Where the emulator is to call.
    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("a bound socket has an address")
    }

    /// Waits for the emulator's call for as long as `alive` says it may still come.
    ///
    /// # Errors
    /// [`LinkError::TooLate`] at the deadline, [`LinkError::Closed`] once `alive` says no.
    pub fn accept(&self, deadline: Instant, mut alive: impl FnMut() -> bool) -> Result<Link, LinkError> {
        while Instant::now() < deadline {
            match self.0.accept() {
                Ok((stream, _)) => return Ok(Link::new(stream, deadline)),
                Err(_) if !alive() => return Err(LinkError::Closed),
                Err(_) => sleep(Duration::from_millis(5)),
            }
        }
        Err(LinkError::TooLate)
    }
}

impl Link {
    fn new(stream: TcpStream, deadline: Instant) -> Self {
        stream.set_nonblocking(false).expect("a socket can block");
        Self { stream, heard: Vec::new(), consumed: 0, deadline, is_shown: false }
    }

    /// All that was heard so far.
    pub fn heard(&self) -> String {
        String::from_utf8_lossy(&self.heard).into_owned()
    }

    /// Sends `text` as it is.
    ///
    /// # Errors
    /// [`LinkError::Closed`] if nobody listens any more.
    pub fn send(&mut self, text: &str) -> Result<(), LinkError> {
        self.stream.write_all(text.as_bytes()).map_err(|_| LinkError::Closed)
    }

    /// Waits until `text` comes and returns what came before it.
    ///
    /// # Errors
    /// [`LinkError::TooLate`] at the deadline, [`LinkError::Closed`] if the end comes first.
    pub fn wait_for(&mut self, text: &str) -> Result<String, LinkError> {
        let mut searched = self.consumed;
        loop {
            let mut windows = self.heard[searched..].windows(text.len());
            if let Some(at) = windows.position(|window| window == text.as_bytes()) {
                let before = String::from_utf8_lossy(&self.heard[self.consumed..searched + at]).into_owned();
                self.consumed = searched + at + text.len();
                return Ok(before);
            }
            // What was searched once is not searched again, but for a beginning of the text at its end.
            searched = searched.max((self.heard.len() + 1).saturating_sub(text.len()));
            self.hear()?;
        }
    }

    /// Listens until the other side hangs up.
    ///
    /// # Errors
    /// [`LinkError::TooLate`] at the deadline.
    pub fn wait_for_end(&mut self) -> Result<(), LinkError> {
        loop {
            match self.hear() {
                Ok(()) => {}
                Err(LinkError::Closed) => return Ok(()),
                Err(LinkError::TooLate) => return Err(LinkError::TooLate),
            }
        }
    }

    /// Whether the other side hangs up by `moment`.
    pub fn ends_by(&mut self, moment: Instant) -> bool {
        let deadline = std::mem::replace(&mut self.deadline, moment);
        let has_ended = self.wait_for_end().is_ok();
        self.deadline = deadline;
        has_ended
    }

    /// Has all that comes from now on copied to standard output.
    pub fn show(&mut self, is_shown: bool) {
        self.is_shown = is_shown;
    }

    /// Reads whatever comes next.
    fn hear(&mut self) -> Result<(), LinkError> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(LinkError::TooLate);
        }
        self.stream.set_read_timeout(Some(left)).expect("a time that is not zero is valid");
        let mut bytes = [0; 4096];
        match self.stream.read(&mut bytes) {
            Ok(0) => Err(LinkError::Closed),
            Ok(len) => {
                if self.is_shown {
                    // Nobody may be looking.
                    let _ = std::io::stdout().write_all(&bytes[..len]);
                }
                self.heard.extend(bytes[..len].iter().filter(|&&byte| byte != b'\r'));
                Ok(())
            }
            Err(error) => match error.kind() {
                ErrorKind::Interrupted => Ok(()),
                ErrorKind::WouldBlock | ErrorKind::TimedOut => Err(LinkError::TooLate),
                _ => Err(LinkError::Closed),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line whose other side says `words` and, if told so, hangs up.
    fn line(words: &str, hangs_up: bool) -> (Link, Option<TcpStream>) {
        let socket = Socket::listen();
        let mut other = TcpStream::connect(socket.address()).unwrap();
        other.write_all(words.as_bytes()).unwrap();
        let link = socket.accept(Instant::now() + Duration::from_millis(300), || true).unwrap();
        (link, (!hangs_up).then_some(other))
    }

    #[test]
    fn each_wait_starts_behind_the_last() {
        let (mut link, _other) = line("one> two> three", true);
        assert_eq!(link.wait_for("> "), Ok("one".into()));
        assert_eq!(link.wait_for("> "), Ok("two".into()));
        assert_eq!(link.wait_for("> "), Err(LinkError::Closed));
        assert_eq!(link.heard(), "one> two> three");
    }

    #[test]
    fn a_text_that_comes_in_pieces_is_heard() {
        let (mut link, other) = line("before, pro", false);
        let mut other = other.expect("it stays");
        let rest = std::thread::spawn(move || {
            sleep(Duration::from_millis(50));
            other.write_all(b"mpt").expect("somebody listens");
            other
        });
        assert_eq!(link.wait_for("prompt"), Ok("before, ".into()));
        rest.join().expect("it has written");
    }

    #[test]
    fn a_carriage_return_is_not_heard() {
        let (mut link, _other) = line("one\r\ntwo\r\n", true);
        assert_eq!(link.wait_for("\ntwo\n"), Ok("one".into()));
    }

    #[test]
    fn a_wait_ends_at_the_deadline() {
        let (mut link, _other) = line("something else", false);
        assert_eq!(link.wait_for("prompt"), Err(LinkError::TooLate));
        assert_eq!(link.wait_for_end(), Err(LinkError::TooLate));
    }

    #[test]
    fn an_emulator_that_dies_before_it_calls_is_noticed() {
        let far = Instant::now() + Duration::from_secs(600);
        assert_eq!(Socket::listen().accept(far, || false).err(), Some(LinkError::Closed));
    }
}
