//! COM2: a line for programs, if the Host's command line says for what.
//!
//! Which programs, and what they are told, is [`kernel::second_line`]'s to
//! say. Without that word the chip is not even looked for. Bytes come in as on
//! the first line, by interrupt, and wait until somebody takes them.
//!
//! Invariants: what may be much is sent as far as it goes without waiting
//! ([`send`]), and what is an answer as far as patience goes ([`send_all`]).
//!
//! Next on the tour: [`super::keyboard`].

use spin::{Mutex, Once};

use super::uart::{COM2, Serial};

static LINE: Once<Option<Mutex<Serial>>> = Once::new();

/// Most bytes sent at a time before the Host goes on with something else.
const AT_ONCE: usize = 4096;

/// Looks for the chip, and has it interrupt if what comes in `is_heard`; `false` if there is none.
pub fn start(is_heard: bool) -> bool {
    LINE.call_once(|| Serial::probe(COM2, is_heard).map(Mutex::new)).is_some()
}

/// Sends what can go now, and returns how much that was.
pub fn send(bytes: &[u8]) -> usize {
    let most = &bytes[..bytes.len().min(AT_ONCE)];
    with(|line| line.send(most)).unwrap_or(bytes.len())
}

/// Sends everything.
pub fn send_all(bytes: &[u8]) {
    with(|line| line.write(bytes));
}

/// Takes the oldest byte that has come in.
pub fn read() -> Option<u8> {
    with(Serial::read).flatten()
}

/// The interrupt of the line: fetches what has come.
pub fn receive() {
    with(Serial::receive);
}

/// Works on the line. The Host does not interrupt itself, so the lock is free.
fn with<R>(work: impl FnOnce(&mut Serial) -> R) -> Option<R> {
    LINE.get()?.as_ref().map(|line| work(&mut line.lock()))
}
