//! What a Guest says when it panics.
//!
//! Nothing here takes a `Local`: the panic may have come out of one. The text
//! goes out by the early console, which works from INIT on, whatever driver is
//! loaded; then the Guest powers off with the same words.
//!
//! Next on the tour: [`crate::report`].

use core::fmt::{self, Write};
use core::panic::PanicInfo;

use crate::console::early;
use crate::{interrupts, power, report};

struct Early;

impl Write for Early {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        early::write(text.as_bytes());
        Ok(())
    }
}

/// The panic handler of every Guest ([`crate::guest!`] installs it).
pub fn panic(info: &PanicInfo) -> ! {
    interrupts::disable();
    let message = info.message();
    let line = info.location().map_or(0, |location| location.line());
    let file = info.location().map_or("?", |location| location.file());
    let _never_fails = match report::name() {
        Some(name) => write!(Early, "\r\ntest: FAIL {name}: {message} ({file}:{line})\r\n"),
        None => write!(Early, "\r\npanic: {message} ({file}:{line})\r\n"),
    };
    power::off(format_args!("panic: {message}"))
}
