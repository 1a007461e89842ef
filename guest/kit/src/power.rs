//! Three ways to end: power off, start again, or with a panic's last words.
//!
//! The Host reads 128 bytes of text where it is told, so the words are put
//! into a box of that size first.
//!
//! Source: lguest ABI, "Shutdown, restart, panic".
//!
//! Next on the tour: [`crate::last_words`].

use core::fmt::{Arguments, Write};

use abi::Shutdown;
use abi::hypercall::{SHUTDOWN_POWEROFF, SHUTDOWN_RESTART};

use crate::frames::phys_of;
use crate::hypercall::{Call, halt};
use crate::text::Text;

/// Powers off; `text` is what the Host prints.
pub fn off(text: Arguments<'_>) -> ! {
    end(text, SHUTDOWN_POWEROFF)
}

/// Starts again with fresh memory; `text` is what the Host prints.
pub fn restart(text: Arguments<'_>) -> ! {
    end(text, SHUTDOWN_RESTART)
}

fn end(text: Arguments<'_>, how: u32) -> ! {
    let mut words = Text::<{ Shutdown::TEXT_LEN }>::new();
    let _cut_off_is_fine = words.write_fmt(text);
    Call::shutdown(phys_of(words.padded()), how).make();
    loop {
        halt();
    }
}
