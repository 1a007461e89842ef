//! Three ways to end: power off, start again, or with a panic's last words.
//!
//! The Host reads 128 bytes of text where it is told, so the words are put
//! into a box of that size first.
//!
//! Source: lguest ABI, "Shutdown, restart, panic".
//!
//! Next on the tour: [`crate::last_words`].

use core::fmt::{Arguments, Write};
use core::sync::atomic::{AtomicU8, Ordering};

use abi::Shutdown;
use abi::hypercall::{SHUTDOWN_POWEROFF, SHUTDOWN_RESTART};

use crate::frames::phys_of;
use crate::hypercall::{Call, halt};
use crate::text::Text;

/// What the Host is pointed at, in the image: a stack may lie where only the page tables know.
static LAST_WORDS: [AtomicU8; Shutdown::TEXT_LEN] = [const { AtomicU8::new(0) }; Shutdown::TEXT_LEN];

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
    LAST_WORDS.iter().zip(words.padded()).for_each(|(to, from)| to.store(*from, Ordering::Relaxed));
    Call::shutdown(phys_of(&LAST_WORDS), how).make();
    loop {
        halt();
    }
}
