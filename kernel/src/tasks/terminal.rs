//! The Host's console as one Guest's Launcher sees it: a seat at the multiplexer.
//!
//! Who is heard when and who is typed for is [`kernel::terminal::multiplexer`]'s to
//! decide; here it meets the machine's serial line and screen on one side and
//! the Launcher's port and log on the other. Both of these belong to a Guest's
//! step, so the multiplexer is lent to them by turns.
//!
//! Invariants: what is told of a Guest comes after all that it has said itself
//! (`an_unfinished_last_line_comes_before_the_end`, in the boot tests).
//!
//! Next on the tour: [`kernel::terminal::multiplexer`].

use core::cell::RefCell;
use core::fmt;

use kernel::terminal::multiplexer::filter::Filter;
use kernel::terminal::multiplexer::guard::Answers;
use kernel::terminal::multiplexer::{Line, Multiplexer};
use launcher_task::{Console, Log};

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

    fn show(&mut self, filter: &mut Filter, bytes: &[u8], has_focus: bool, answers: &mut Answers) {
        console::show(filter, bytes, has_focus, answers);
    }

    fn fresh_line(&mut self) {
        console::fresh_line();
    }

    fn line(&mut self, what: fmt::Arguments<'_>) {
        console::line(what);
    }
}

/// A Guest's seat.
#[derive(Clone, Copy)]
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

/// Lines about a Guest, as its Launcher writes them: behind all that the Guest has said.
pub struct Lines<'a>(pub Terminal<'a>);

impl Log for Lines<'_> {
    fn news(&mut self, line: fmt::Arguments<'_>) {
        self.0.multiplexer.borrow_mut().tell(self.0.guest, line, &mut Wire);
    }

    fn end(&mut self, line: fmt::Arguments<'_>) {
        self.0.multiplexer.borrow_mut().tell_end(self.0.guest, line, &mut Wire);
    }
}
