//! What passes between the Launcher and the Host: `run` goes in, a [`Stop`] comes out.
//!
//! The Launcher *calls* the Host and gets a value back; there are no
//! callbacks. Both sides know only this page of each other, and `main.rs`
//! introduces them.
//!
//! Next on the tour: the Launcher.

use crate::{GuestMemory, GuestPhys, KillReason, Nanos, Place, Width};

/// One Guest's CPU and memory, as its Launcher task sees them.
pub trait RunGuest {
    /// Runs the Guest until the Launcher is needed.
    fn run(&mut self) -> Stop;

    /// Gives the Guest the value it stopped to read, the low bytes of it. A read that is not
    /// answered before the next run reads all ones, as if nothing were there.
    fn answer(&mut self, value: u32);

    /// Makes interrupt line `irq` (`0..32`; 0 is the timer's) pending.
    fn raise(&mut self, irq: u8);

    /// Puts the CPU into its first state, to start at `entry` in linear mode with nothing pending,
    /// and gives back all that was built for the last run. Memory is left alone.
    fn reset(&mut self, entry: GuestPhys);

    /// Whether others should have the CPU now: what can wait is for the next step. Cheap enough to be
    /// asked after each stop.
    fn slice_is_over(&mut self) -> bool {
        false
    }

    /// The Guest's memory: RAM and, above it, the device pages.
    fn memory(&mut self) -> &mut dyn GuestMemory;
}

/// Why a Guest came back to its Launcher.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stop {
    /// It kicked a device: the argument of `LHCALL_NOTIFY`, unchecked.
    Notify(GuestPhys),
    /// It reads what its Launcher has the answer to: see [`RunGuest::answer`].
    Read {
        /// From where.
        from: Place,
        /// How much.
        width: Width,
    },
    /// It has written to what its Launcher keeps.
    Write {
        /// Where.
        to: Place,
        /// How much.
        width: Width,
        /// What; nothing beyond the width is set.
        value: u32,
    },
    /// It has nothing to do until an interrupt, or until its own timer at the point given
    /// ([`Nanos::NEVER`] when it set none).
    Halted(Nanos),
    /// Its slice is over, or the Host has something else to attend to first.
    Preempted,
    /// It asked to end.
    Shutdown(Shutdown),
    /// It broke the treaty and will not run again before a reset.
    Killed(KillReason),
}

/// A Guest's own wish to end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shutdown {
    /// Start again with fresh memory, instead of powering off.
    pub restart: bool,
    text: [u8; Self::TEXT_LEN],
}

impl Shutdown {
    /// Bytes read from where the Guest says its last words are.
    pub const TEXT_LEN: usize = 128;

    /// A shutdown with the Guest's last words, up to the first NUL.
    pub const fn new(restart: bool, text: [u8; Self::TEXT_LEN]) -> Self {
        Self { restart, text }
    }

    /// The last words: what printable ASCII there is before the first NUL, one line.
    pub fn text(&self) -> impl Iterator<Item = char> + '_ {
        let words = self.text.split(|&byte| byte == 0).next().unwrap_or(&[]);
        words.iter().map(|&byte| if byte == b' ' || byte.is_ascii_graphic() { byte as char } else { '.' })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_words_end_at_the_first_nul_and_stay_on_one_line() {
        let mut text = [b'x'; Shutdown::TEXT_LEN];
        text[..12].copy_from_slice(b"Power\ndown\0\0");
        assert_eq!(Shutdown::new(false, text).text().collect::<String>(), "Power.down");
    }
}
