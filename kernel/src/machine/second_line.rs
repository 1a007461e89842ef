//! COM2: a line for programs, if the Host's command line says for what.
//!
//! Which programs, and what they are told, is [`kernel::platform::second_line`]'s to
//! say. Without that word the chip is not even looked for. Bytes come in as on
//! the first line, by interrupt, and wait until somebody takes them.
//!
//! Invariants: nobody waits for the line while Guests run: what may be much is sent as far as it goes
//! ([`send`]), and an answer waits here until it is taken ([`answer`]), as whoever asks waits for it.
//! Only at the end of all is the line waited for, by time ([`send_all`]).
//!
//! Next on the tour: [`super::keyboard`].

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use kernel::terminal::transmit::Transmit;
use spin::{Mutex, Once};

use super::uart::{self, COM2, LAST_PATIENCE, Serial};

/// Bytes of answers that may wait.
const WAITING_LEN: usize = 64 << 10;

static LINE: Once<Option<Mutex<Serial>>> = Once::new();
/// Answers that the line has not taken yet.
static WAITING: Mutex<Transmit<WAITING_LEN>> = Mutex::new(Transmit::new());
/// Bytes that were to be sent at the end, and were not taken. A load of 64 bits would be the FPU's,
/// which is full of a Guest's numbers.
static LOST: AtomicU32 = AtomicU32::new(0);

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

/// Sends an answer, now or as soon as the line takes it.
pub fn answer(bytes: &[u8]) {
    with(|line| line.write(bytes, &mut WAITING.lock()));
}

/// Whether all answers are sent: then the next may be given.
pub fn is_settled() -> bool {
    WAITING.lock().is_empty()
}

/// Goes on with answers that wait.
pub fn serve() {
    if !is_settled() {
        with(|line| line.go_on(&mut WAITING.lock()));
    }
}

/// Sends everything, and waits for the line until it has taken nothing for too long; from then on
/// what it does not take is counted. Only when no Guest runs any more.
pub fn send_all(mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let mut sent = send(bytes);
        if sent == 0 && LOST.load(Relaxed) == 0 {
            uart::wait_for(LAST_PATIENCE, || {
                sent = send(bytes);
                sent > 0
            });
        }
        if sent == 0 {
            LOST.fetch_add(bytes.len() as u32, Relaxed);
            return;
        }
        bytes = &bytes[sent..];
    }
}

/// Waits until the answers are sent, and returns how many bytes nobody took at the end.
pub fn finish() -> u64 {
    uart::wait_for(LAST_PATIENCE, || {
        serve();
        is_settled()
    });
    LOST.load(Relaxed).into()
}

/// Takes the oldest byte that has come in.
pub fn read() -> Option<u8> {
    with(Serial::read).flatten()
}

/// The interrupt of the line: fetches what has come, and sends what waits; returns whether anything
/// has come.
pub fn interrupted() -> bool {
    with(|line| line.interrupted(&mut WAITING.lock())).unwrap_or(false)
}

/// Works on the line. The Host does not interrupt itself, so the lock is free.
fn with<R>(work: impl FnOnce(&mut Serial) -> R) -> Option<R> {
    LINE.get()?.as_ref().map(|line| work(&mut line.lock()))
}
