//! COM2: a line for machines to read, if the Host's command line says for what.
//!
//! Nothing goes out on it by itself, and without that word the chip is not
//! even looked for. Whoever sends is told how much went, and comes again.
//!
//! Invariants: nobody waits for it, but at the very end ([`send_all`]), and then only as long as
//! patience lasts.
//!
//! Next on the tour: [`super::keyboard`].

use spin::{Mutex, Once};

use super::uart::{COM2, Serial};

static LINE: Once<Option<Mutex<Serial>>> = Once::new();

/// Most bytes sent at a time before the Host goes on with something else.
const AT_ONCE: usize = 4096;

/// Looks for the chip; `false` if there is none.
pub fn start() -> bool {
    LINE.call_once(|| Serial::probe(COM2).map(Mutex::new)).is_some()
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

/// Works on the line. The Host does not interrupt itself, so the lock is free.
fn with<R>(work: impl FnOnce(&mut Serial) -> R) -> Option<R> {
    LINE.get()?.as_ref().map(|line| work(&mut line.lock()))
}
