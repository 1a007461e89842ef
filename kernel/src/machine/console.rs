//! The Host's voice and ear: the serial line, and beside it screen and keyboard.
//!
//! Nobody waits for the line: what it does not take at once waits in [`WAITING`],
//! lines of the Host and text of Guests in their order, and goes out by the
//! line's interrupt and at each turn of the Host. Guests put a little there
//! and keep the rest ([`room`]); the Host's lines have the rest of the room, and
//! an end, which says much, waits until there is enough ([`has_room_for_an_end`]).
//!
//! Bytes go out as they come, with one liberty: a line feed that no carriage
//! return precedes gets one, so that a terminal starts the next line at its
//! left edge whoever wrote the last one. A Guest that sends both already sees
//! its bytes unchanged. The screen follows when [`refresh`] is called, for to
//! draw each byte would cost more than to make it.
//!
//! Invariants:
//! - A line of the Host starts on a line of its own, legible whatever a Guest
//!   did ([`Guard`]), and is one line of visible letters whatever is in it ([`Plain`]).
//! - Nothing here runs in a panic: [`super::emergency`] does, without locks.
//!
//! Next on the tour: [`super::witness`].

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};

use abi::Nanos;
use kernel::platform::keyboard::Layout;
use kernel::terminal::log::Log;
use kernel::terminal::multiplexer::filter::Filter;
use kernel::terminal::multiplexer::guard::{Answers, Guard};
use kernel::terminal::plain::Plain;
use kernel::terminal::screen::Screen;
use kernel::terminal::transmit::Transmit;
use spin::{Mutex, Once};

use super::clock;
use super::keyboard::Keyboard;
use super::uart::{self, COM1, Serial};
use super::vga::{self, Picture};

/// Bytes of the Host's lines that are kept.
const LOG_LEN: usize = 8192;
/// How often lines of the Host are shown on the screen as they come; when Guests run all is shown
/// that often.
pub const REFRESH: Nanos = Nanos::from_millis(20);
/// Bytes that may wait for the line, ...
const WAITING_LEN: usize = 64 << 10;
/// ... how many of them may be there for a Guest to add more: at 115,200 baud they take 90 ms, ...
const GUESTS_SHARE: usize = 1024;
/// ... and how many for a Guest to end, which may say 12 KiB.
const BEFORE_AN_END: usize = 16 << 10;

static LOG: Mutex<Log<LOG_LEN>> = Mutex::new(Log::new());
/// What waits for the line. A lock of its own, for the last words want it too.
pub static WAITING: Mutex<Transmit<WAITING_LEN>> = Mutex::new(Transmit::new());
static CONSOLE: Once<Mutex<Console>> = Once::new();

struct Console {
    keyboard: Option<Keyboard>,
    guard: Guard,
    output: Output,
}

/// The way out.
struct Output {
    serial: Option<Serial>,
    screen: Screen<Picture>,
    /// Something was written since the screen was refreshed, ...
    is_new: bool,
    /// ... which was then.
    refreshed: Nanos,
    /// The last byte written.
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
        let serial = Serial::probe(COM1, true);
        let output = Output {
            serial,
            screen: Picture::clear(),
            is_new: true,
            refreshed: Nanos(0),
            last: b'\n',
            written: 0,
        };
        Mutex::new(Console { keyboard: Keyboard::probe(), guard: Guard::default(), output })
    });
}

/// Whether there is a serial line.
pub fn has_serial() -> bool {
    with(|console| console.output.serial.is_some()).unwrap_or(false)
}

/// The Host's own last lines, oldest first.
pub fn log() -> Vec<String> {
    LOG.lock().lines()
}

/// Bytes written so far, which comes round after 2³²; it tells whether anybody wrote meanwhile.
pub fn written() -> u32 {
    with(|console| console.output.written).unwrap_or(0)
}

/// Writes bytes of the Host's.
pub fn write(bytes: &[u8]) {
    with(|console| console.write(bytes));
}

/// Shows what does no harm of a Guest's bytes, which has the focus or not; `answers` is given what
/// the terminal would have typed.
pub fn show(filter: &mut Filter, bytes: &[u8], has_focus: bool, answers: &mut Answers) {
    with(|Console { guard, output, .. }| {
        guard.feed(filter, bytes, has_focus, answers, &mut |bytes| output.write(bytes));
    });
}

/// Guests are told that the terminal has so many columns and rows.
pub fn set_size(columns: u16, rows: u16) {
    with(|console| console.guard.set_size(columns.into(), rows.into()));
}

/// Writes a whole line, prefix and all, on a line of its own; [`host!`](crate::host!) writes the
/// Host's.
pub fn line(what: fmt::Arguments<'_>) {
    // Keeping a line does not fail either.
    let _ = write!(Plain(&mut *LOG.lock()), "{what}");
    let _ = LOG.lock().write_str("\n");
    with(|console| {
        console.fresh_line();
        // Writing to a console does not fail; an argument's own error has nowhere else to go.
        let _ = write!(Plain(&mut *console), "{what}");
        console.write(b"\n");
        let now = clock::now();
        if now == Nanos(0) || console.output.refreshed.until(now) >= REFRESH {
            console.output.refresh();
        }
    });
}

/// Starts a new line, unless the cursor is at the start of one.
pub fn fresh_line() {
    with(Console::fresh_line);
}

/// Takes the oldest byte typed.
pub fn read() -> Option<u8> {
    with(|console| {
        let serial = console.output.serial.as_mut().and_then(Serial::read);
        serial.or_else(|| console.keyboard.as_mut()?.read())
    })
    .flatten()
}

/// Gives the keyboard, if there is one, the letters of a layout.
pub fn set_layout(layout: Layout) {
    with(|console| {
        if let Some(keyboard) = &mut console.keyboard {
            keyboard.set_layout(layout);
        }
    });
}

/// Fetches what has come over the serial line and from the keyboard, and sends what waits.
pub fn serve() {
    with(|console| {
        if let Some(serial) = &mut console.output.serial {
            serial.receive();
            serial.go_on(&mut WAITING.lock());
        }
        console.keyboard.as_mut().map(Keyboard::receive);
    });
}

/// The interrupt of the serial line or the keyboard; returns whether anything was typed.
pub fn interrupted() -> bool {
    with(|console| {
        let came =
            console.output.serial.as_mut().is_some_and(|serial| serial.interrupted(&mut WAITING.lock()));
        console.keyboard.as_mut().is_some_and(Keyboard::receive) | came
    })
    .unwrap_or(false)
}

/// How many bytes of Guests' text the line takes now without anybody waiting; a machine without a
/// serial line, or with one that was given up, takes all.
pub fn room() -> usize {
    room_of(GUESTS_SHARE)
}

/// Whether there is room for all that is said at a Guest's end.
pub fn has_room_for_an_end() -> bool {
    room_of(BEFORE_AN_END) > 0
}

fn room_of(share: usize) -> usize {
    let has_line = with(|console| console.output.serial.is_some()).unwrap_or(false);
    if has_line { WAITING.lock().room(share) } else { usize::MAX }
}

/// Whether something waits for the line.
pub fn is_waiting() -> bool {
    !WAITING.lock().is_empty()
}

/// Shows all on the screen and waits until all is sent, or until the line has taken nothing for too long. Only when nothing else
/// is left to do.
pub fn drain() {
    refresh();
    let mut left = WAITING.lock().len();
    while left > 0 {
        let takes = uart::wait_for(uart::LAST_PATIENCE, || {
            serve();
            WAITING.lock().len() < left
        });
        if !takes {
            return;
        }
        left = WAITING.lock().len();
    }
    uart::drain();
}

/// Shows on the screen what was written since it was last refreshed.
pub fn refresh() {
    with(|console| console.output.refresh());
}

/// Works on the console. The Host does not interrupt itself, so the lock is free.
fn with<R>(work: impl FnOnce(&mut Console) -> R) -> Option<R> {
    CONSOLE.get().map(|console| work(&mut console.lock()))
}

impl Console {
    fn fresh_line(&mut self) {
        let Self { guard, output, .. } = self;
        guard.begin_line(&mut |bytes| output.write(bytes));
    }

    fn write(&mut self, bytes: &[u8]) {
        self.output.write(bytes);
        self.guard.host_wrote(bytes);
    }
}

impl Output {
    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            let Some((b'\n', text)) = part.split_last() else {
                self.send(part);
                continue;
            };
            if !text.is_empty() {
                self.send(text);
            }
            let has_return = self.last == b'\r';
            self.send(if has_return { b"\n" } else { b"\r\n" });
        }
        self.is_new = true;
    }

    fn refresh(&mut self) {
        self.refreshed = clock::now();
        if core::mem::take(&mut self.is_new) {
            vga::show(&mut self.screen);
        }
    }

    fn send(&mut self, bytes: &[u8]) {
        if let Some(serial) = &mut self.serial {
            serial.write(bytes, &mut WAITING.lock());
        }
        self.screen.write(bytes);
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
