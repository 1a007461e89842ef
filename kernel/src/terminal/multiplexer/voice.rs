//! What the terminal says of itself, in lines of the Host.
//!
//! Next on the tour: [`super::door`].

use core::fmt::{self, Write};

use super::{Line, Multiplexer};

impl Multiplexer {
    /// Explains the keys, and who is there.
    pub(super) fn help(&self, line: &mut dyn Line) {
        say(line, format_args!("host: Ctrl-A 1 to 9 gives a guest the focus, Ctrl-A n the next:"));
        for (number, seat) in self.seats.iter().enumerate() {
            let has_focus = if number == self.focus { ", has the focus" } else { "" };
            let has_ended = if seat.has_ended { ", has ended" } else { "" };
            say(line, format_args!("host:   {} {}{has_focus}{has_ended}", number + 1, seat.name));
        }
        say(line, format_args!("host: Ctrl-A l  shows what is kept of its output"));
        say(line, format_args!("host: Ctrl-A b  hides the output of the others, or shows it again"));
        say(line, format_args!("host: Ctrl-A m  opens the monitor, or goes back to the guests"));
        say(line, format_args!("host: Ctrl-A a  types a Ctrl-A, as does Ctrl-A Ctrl-A"));
        if self.may_leave {
            say(line, format_args!("host: Ctrl-A x  leaves: all guests and the machine end at once"));
        }
    }
}

/// Shows a line of the Host's.
pub(super) fn say(line: &mut dyn Line, what: fmt::Arguments<'_>) {
    line.fresh_line();
    // Showing does not fail.
    let _ = writeln!(Words(line), "{what}");
}

struct Words<'a>(&'a mut dyn Line);

impl Write for Words<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}
