//! Text for a person, and lines from one.
//!
//! Text goes to a *sink*: at first the early console, which needs no device,
//! then the virtio console once [`virtio::start`] has found one. Each `print!`
//! is gathered before it is sent, for every send is an exit.
//!
//! Next on the tour: [`early`].

pub mod early;
pub mod virtio;

use core::fmt::{self, Write};

use crate::line::{Line, Typed};
use crate::local::Local;

/// Where text goes.
pub type Sink = fn(&[u8]);

static SINK: Local<Sink> = Local::new(early::write);

/// Sends text to `sink` from now on.
pub fn set_sink(sink: Sink) {
    SINK.set(sink);
}

/// Prints like `core`'s own; `\n` becomes CR LF, as terminals want it.
#[macro_export]
macro_rules! print {
    ($($text:tt)*) => { $crate::console::print(format_args!($($text)*)) };
}

/// Prints a line.
#[macro_export]
macro_rules! println {
    () => { $crate::print!("\n") };
    ($($text:tt)*) => { $crate::console::print(format_args!("{}\n", format_args!($($text)*))) };
}

/// What the macros call.
pub fn print(text: fmt::Arguments<'_>) {
    let mut gather = Gather { bytes: [0; 128], len: 0 };
    let _never_fails = gather.write_fmt(text);
    gather.send();
}

/// Bytes on their way to the sink.
struct Gather {
    bytes: [u8; 128],
    len: usize,
}

impl Gather {
    fn push(&mut self, byte: u8) {
        if self.len == self.bytes.len() {
            self.send();
        }
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    fn send(&mut self) {
        if self.len > 0 {
            SINK.get()(&self.bytes[..self.len]);
            self.len = 0;
        }
    }
}

impl Write for Gather {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if byte == b'\n' {
                self.push(b'\r');
            }
            self.push(byte);
        }
        Ok(())
    }
}

/// Reads a line into `line`, showing what is typed; sleeps while nobody types, and does `meanwhile`
/// whenever it wakes up for something else.
pub fn read_line(line: &mut Line, mut meanwhile: impl FnMut()) {
    line.clear();
    loop {
        match line.feed(virtio::read_byte(&mut meanwhile)) {
            Typed::Letter(letter) => print!("{}", char::from(letter)),
            Typed::Show(text) => print!("{text}"),
            Typed::RubbedOut(letters) => (0..letters).for_each(|_| print!("{}", Line::RUB_OUT)),
            Typed::Enter => return println!(),
            Typed::Nothing => {}
        }
    }
}
