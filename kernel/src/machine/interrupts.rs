//! The Host's dispatcher: what to do about a hardware interrupt.
//!
//! Interrupts arrive by two ways. While the Host waits, through its IDT; while
//! a Guest runs, as an exit with a number, and then this is simply called: no
//! jump through the IDT. Either way there is little to do: a device that has
//! something is asked for it, and whoever decides what runs next is told which
//! one it was.
//!
//! Invariants: an interrupt nobody expects is acknowledged, where there was one,
//! and does no harm.
//!
//! Next on the tour: [`super::pic`].

use super::pic::{self, FIRST_VECTOR, LINES};
use super::{console, second_line};

/// What an interrupt was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Interrupt {
    /// The alarm set by [`super::timer::arm`] went off.
    Timer,
    /// Something has been typed, on the serial line or the keyboard, or has come over the second
    /// line.
    Input,
    /// Nothing has come; but a serial line can take more, and has been given it.
    Output,
    /// A request that was withdrawn, or of a line nobody serves.
    Unexpected(u8),
}

/// Serves the interrupt that arrived at `vector`, with interrupts off.
pub fn dispatch(vector: u8) -> Interrupt {
    let line = vector.wrapping_sub(FIRST_VECTOR);
    if line >= LINES || !pic::acknowledge(line) {
        return Interrupt::Unexpected(vector);
    }
    match line {
        pic::TIMER => Interrupt::Timer,
        pic::SERIAL | pic::KEYBOARD if console::interrupted() => Interrupt::Input,
        pic::SERIAL | pic::KEYBOARD => Interrupt::Output,
        pic::SECOND_SERIAL if second_line::interrupted() => Interrupt::Input,
        pic::SECOND_SERIAL => Interrupt::Output,
        _ => Interrupt::Unexpected(vector),
    }
}
