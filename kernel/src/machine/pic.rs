//! The two interrupt controllers every PC has.
//!
//! Sixteen lines, cascaded through line 2 of the first. The firmware leaves
//! them on vectors the CPU uses for its exceptions, so the Host moves them to
//! 0x20 and up, and masks every line but those it serves.
//!
//! Invariants: an interrupt that nobody raised (lines 7 and 15 when a request
//! is withdrawn) is recognised and never acknowledged to a controller that
//! did not deliver it ([`acknowledge`]).
//!
//! Source: Intel 8259A data sheet, "Initialization command words", "Spurious
//! interrupts".
//!
//! Next on the tour: [`super::timer`].

use super::port::Port;

/// The vector of line 0; the lines follow in order.
pub const FIRST_VECTOR: u8 = 0x20;
/// Lines of both controllers.
pub const LINES: u8 = 16;
/// The line of the interval timer.
pub const TIMER: u8 = 0;
/// The line of the keyboard.
pub const KEYBOARD: u8 = 1;
/// The line of COM2.
pub const SECOND_SERIAL: u8 = 3;
/// The line of COM1.
pub const SERIAL: u8 = 4;

/// The line of the first controller that the second one sits on.
const CASCADE: u8 = 2;
/// The line a controller reports when a request has gone away.
const SPURIOUS: u8 = 7;

/// Start of initialisation, with four words, cascaded, edge-triggered.
const ICW1: u8 = 0x11;
/// 8086 mode, interrupts are acknowledged by hand.
const ICW4: u8 = 0x01;
/// Acknowledges the interrupt in service with the highest priority.
const END_OF_INTERRUPT: u8 = 0x20;
/// The next read of the command port gives the lines in service.
const READ_IN_SERVICE: u8 = 0x0B;

/// One controller.
struct Controller {
    command: Port<u8>,
    data: Port<u8>,
}

// SAFETY: The controllers' own registers; interrupts go where the IDT says.
const FIRST: Controller =
    unsafe { Controller { command: Port::<u8>::new(0x20), data: Port::<u8>::new(0x21) } };
// SAFETY: As before.
const SECOND: Controller =
    unsafe { Controller { command: Port::<u8>::new(0xA0), data: Port::<u8>::new(0xA1) } };
// SAFETY: The port of power-on self-test codes: written only to let time pass.
const DELAY: Port<u8> = unsafe { Port::<u8>::new(0x80) };

/// Moves both controllers to [`FIRST_VECTOR`] and masks every line but those in `served`.
pub fn start(served: &[u8]) {
    FIRST.initialise(FIRST_VECTOR, 1 << CASCADE);
    SECOND.initialise(FIRST_VECTOR + 8, CASCADE);
    let open = served.iter().fold(1_u16 << CASCADE, |open, line| open | 1 << line);
    FIRST.data.write(!open as u8);
    SECOND.data.write((!open >> 8) as u8);
}

/// Acknowledges the interrupt of `line`; `false` if there was none.
pub fn acknowledge(line: u8) -> bool {
    let delivered = if line < 8 { &FIRST } else { &SECOND };
    let real = line % 8 != SPURIOUS || delivered.in_service() & 1 << SPURIOUS != 0;
    if line >= 8 {
        if real {
            SECOND.command.write(END_OF_INTERRUPT);
        }
        // The first controller did deliver: an interrupt of its line 2.
        FIRST.command.write(END_OF_INTERRUPT);
    } else if real {
        FIRST.command.write(END_OF_INTERRUPT);
    }
    real
}

impl Controller {
    /// `cascade`: for the first which of its lines leads to the second, for the second that line's
    /// number.
    fn initialise(&self, first_vector: u8, cascade: u8) {
        self.command.write(ICW1);
        DELAY.write(0);
        for word in [first_vector, cascade, ICW4] {
            self.data.write(word);
            DELAY.write(0);
        }
    }

    fn in_service(&self) -> u8 {
        self.command.write(READ_IN_SERVICE);
        self.command.read()
    }
}
