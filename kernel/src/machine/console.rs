//! The Host's voice and ear: the serial line, and beside it screen and keyboard.
//!
//! Bytes go out as they come, with one liberty: a line feed that no carriage
//! return precedes gets one, so that a terminal starts the next line at its
//! left edge whoever wrote the last one. A Guest that sends both already sees
//! its bytes unchanged. The screen follows when [`refresh`] is called, for to
//! draw each byte would cost more than to make it.
//!
//! Invariants:
//! - A line of the Host starts on a line of its own, wherever a Guest's cursor
//!   was ([`line()`]).
//! - Nothing here runs in a panic: [`super::emergency`] does, without locks.
//!
//! Next on the tour: [`super::witness`].

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};

use kernel::host::log::Log;
use kernel::host::screen::Screen;
use spin::{Mutex, Once};

use super::keyboard::Keyboard;
use super::uart::{COM1, Serial};
use super::vga::{self, Picture};

/// Bytes of the Host's lines that are kept.
const LOG_LEN: usize = 8192;

static LOG: Mutex<Log<LOG_LEN>> = Mutex::new(Log::new());
static CONSOLE: Once<Mutex<Console>> = Once::new();

struct Console {
    serial: Option<Serial>,
    keyboard: Option<Keyboard>,
    screen: Screen<Picture>,
    /// Something was written since the screen was refreshed.
    is_new: bool,
    /// The last byte written: where the cursor is, as far as it matters.
    last: u8,
    written: u32,
}

/// Writes a line of the Host: `host: `, what `format!` would make of the arguments, a newline.
#[macro_export]
macro_rules! host {
    ($($argument:tt)*) => {
        $crate::machine::console::line(format_args!("host: {}", format_args!($($argument)*)))
    };
}

/// Finds out what there is to write to. Until then, and without any, words are lost.
pub fn start() {
    CONSOLE.call_once(|| {
        Mutex::new(Console {
            serial: Serial::probe(COM1, true),
            keyboard: Keyboard::probe(),
            screen: Picture::clear(),
            is_new: true,
            last: b'\n',
            written: 0,
        })
    });
}

/// Whether there is a serial line.
pub fn has_serial() -> bool {
    with(|console| console.serial.is_some()).unwrap_or(false)
}

/// The Host's own last lines, oldest first.
pub fn log() -> Vec<String> {
    LOG.lock().lines()
}

/// Bytes written so far, which comes round after 2³²; it tells whether anybody wrote meanwhile.
pub fn written() -> u32 {
    with(|console| console.written).unwrap_or(0)
}

/// Writes a Guest's bytes.
pub fn write(bytes: &[u8]) {
    with(|console| console.write(bytes));
}

/// Writes a whole line, prefix and all, on a line of its own; [`host!`](crate::host!) writes the
/// Host's.
pub fn line(what: fmt::Arguments<'_>) {
    // Keeping a line does not fail either.
    let _ = writeln!(LOG.lock(), "{what}");
    with(|console| {
        console.fresh_line();
        // Writing to a console does not fail; an argument's own error has nowhere else to go.
        let _ = writeln!(console, "{what}");
        console.refresh();
    });
}

/// Starts a new line, unless the cursor is at the start of one.
pub fn fresh_line() {
    with(Console::fresh_line);
}

/// Takes the oldest byte typed.
pub fn read() -> Option<u8> {
    with(|console| {
        let serial = console.serial.as_mut().and_then(Serial::read);
        serial.or_else(|| console.keyboard.as_mut()?.read())
    })
    .flatten()
}

/// The interrupt of the serial line or the keyboard: fetches what has come.
pub fn receive() {
    with(|console| {
        console.serial.as_mut().map(Serial::receive);
        console.keyboard.as_mut().map(Keyboard::receive);
    });
}

/// Shows on the screen what was written since it was last refreshed.
pub fn refresh() {
    with(Console::refresh);
}

/// Works on the console. The Host does not interrupt itself, so the lock is free.
fn with<R>(work: impl FnOnce(&mut Console) -> R) -> Option<R> {
    CONSOLE.get().map(|console| work(&mut console.lock()))
}

impl Console {
    fn fresh_line(&mut self) {
        if self.last != b'\n' {
            self.write(b"\n");
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            let (text, ends) = match part.split_last() {
                Some((b'\n', text)) => (text, true),
                _ => (part, false),
            };
            self.send(text);
            if ends {
                let has_return = self.last == b'\r';
                self.send(if has_return { b"\n" } else { b"\r\n" });
            }
        }
        self.is_new = true;
    }

    fn refresh(&mut self) {
        if core::mem::take(&mut self.is_new) {
            vga::show(&mut self.screen);
        }
    }

    fn send(&mut self, bytes: &[u8]) {
        if let Some(serial) = &mut self.serial {
            serial.write(bytes);
        }
        bytes.iter().for_each(|&byte| self.screen.put(byte));
        self.written = self.written.wrapping_add(bytes.len() as u32);
        self.last = bytes.last().copied().unwrap_or(self.last);
    }
}

impl Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.write(text.as_bytes());
        Ok(())
    }
}
