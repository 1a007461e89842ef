//! Last words: how the Host ends when it is wrong itself.
//!
//! A panic may come from anywhere, the console's own code included. So nothing
//! here takes a lock, allocates, or trusts what the Host believes about its
//! devices: bytes go straight to the ports, with patience that ends, and to a
//! screen of their own. What waits for the line goes first, if whoever had it
//! in hand has let go of it.
//!
//! Invariants: a panic within a panic ends the machine at once
//! (`panic`, below).
//!
//! Next on the tour: [`super::power`].

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicBool, Ordering};

use abi::Nanos;
use kernel::terminal::screen::Screen;
use uart_16550::spec::registers::{LSR, offsets};

use super::console::WAITING;
use super::power::{self, ExitCode};
use super::uart::{self, register};
use super::vga::Vga;
use super::witness;

/// How long the line may take nothing before the rest is sent regardless.
const PATIENCE: Nanos = Nanos::from_millis(10_000);

static PANICKING: AtomicBool = AtomicBool::new(false);

/// A writer that needs nothing but ports and text memory.
pub struct Emergency {
    screen: Screen<Vga>,
    /// The line has not taken anything for too long.
    is_stuck: bool,
}

impl Emergency {
    /// Starts on a new line and a clear screen.
    pub fn start() -> Self {
        let mut this = Self { screen: Vga::clear(), is_stuck: false };
        if let Some(mut waiting) = WAITING.try_lock() {
            waiting.drain(Nanos(0), |bytes| {
                bytes.iter().for_each(|&byte| this.send(byte));
                if this.is_stuck { 0 } else { bytes.len() }
            });
        }
        this.byte(b'\r');
        this.byte(b'\n');
        this
    }

    fn byte(&mut self, byte: u8) {
        self.send(byte);
        self.screen.put(byte);
    }

    fn send(&mut self, byte: u8) {
        let empty = || register(offsets::LSR as u8).read() & LSR::THR_EMPTY.bits() != 0;
        self.is_stuck = self.is_stuck || !uart::wait_for(PATIENCE, empty);
        register(offsets::DATA as u8).write(byte);
    }
}

impl Write for Emergency {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if byte == b'\n' {
                self.byte(b'\r');
            }
            self.byte(byte);
        }
        Ok(())
    }
}

/// Says why, says the end, and ends the machine.
pub fn end(why: fmt::Arguments<'_>) -> ! {
    // A panic while panicking: nothing more can be trusted to be said.
    if !PANICKING.swap(true, Ordering::Relaxed) {
        let mut words = Emergency::start();
        // This writer does not fail; an argument's own error ends the sentence early.
        let _ = writeln!(words, "{why}");
        let _ = witness::tell(&mut words);
        let _ = writeln!(words, "host: end, exit code {}", ExitCode::Panic as u8);
    }
    uart::drain();
    power::off(ExitCode::Panic)
}

#[cfg(not(test))]
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    match info.location() {
        Some(at) => end(format_args!("host: panic: {}, at {}:{}", info.message(), at.file(), at.line())),
        None => end(format_args!("host: panic: {}", info.message())),
    }
}
