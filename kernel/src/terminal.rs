//! The Host's console as one Guest's Launcher sees it: a seat at the multiplexer.
//!
//! Who is heard when and who is typed for is [`kernel::multiplexer`]'s to
//! decide; here it meets the machine's serial line and screen on one side and
//! the Launcher's port and log on the other. Both of these belong to a Guest's
//! step, so the multiplexer is lent to them by turns.
//!
//! Invariants: what is told of a Guest comes after all that it has said itself
//! (`an_unfinished_last_line_comes_before_the_end`, in the boot tests).
//!
//! Next on the tour: [`kernel::multiplexer`].

use core::cell::RefCell;
use core::fmt;

use kernel::multiplexer::{Line, Multiplexer};
use launcher_task::Console;

use crate::machine::console;

/// The machine's console.
pub struct Wire;

impl Line for Wire {
    fn room(&self) -> usize {
        console::room()
    }

    fn write(&mut self, bytes: &[u8]) {
        console::write(bytes);
    }

    fn fresh_line(&mut self) {
        console::fresh_line();
    }
}

/// A Guest's seat.
pub struct Terminal<'a> {
    /// Where it is.
    pub multiplexer: &'a RefCell<Multiplexer>,
    /// The Guest's number.
    pub guest: usize,
}

impl Console for Terminal<'_> {
    fn write(&mut self, bytes: &[u8]) {
        self.multiplexer.borrow_mut().write(self.guest, bytes, &mut Wire);
    }

    fn is_full(&self) -> bool {
        self.multiplexer.borrow().is_full(self.guest)
    }

    fn read(&mut self, into: &mut [u8]) -> usize {
        self.multiplexer.borrow_mut().read(self.guest, into)
    }
}

/// Lines about a Guest, as its Launcher writes them.
pub struct Log<'a>(pub Terminal<'a>);

impl fmt::Write for Log<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        console::write(text.as_bytes());
        Ok(())
    }

    /// Starts on a line of its own, behind all that the Guest has said.
    fn write_fmt(&mut self, line: fmt::Arguments<'_>) -> fmt::Result {
        self.0.multiplexer.borrow_mut().flush(self.0.guest, &mut Wire);
        console::fresh_line();
        fmt::write(self, line)
    }
}
