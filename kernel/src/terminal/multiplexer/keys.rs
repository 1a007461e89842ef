//! Ctrl-A and what follows it.
//!
//! All that is typed comes through here. Ctrl-A is the Host's; the key behind
//! it says what is wanted. Everything else goes on to a Guest as it is.
//!
//! ```text
//!   1 … 9  typing goes to that Guest     l  shows what is kept of its output
//!   n      … to the next one             b  hides the others, or shows them again
//!   a      types a Ctrl-A                m  opens the monitor, and shuts it
//!   ?      says all this               x  leaves, if the command line allows it
//! ```
//!
//! Letters are free for more.
//!
//! Invariants:
//! - One byte after Ctrl-A ends it, whatever it is, so no sequence swallows
//!   more than itself (`a_key_that_means_nothing_ends_the_sequence`).
//!
//! Next on the tour: [`super::bucket`].

/// The key that is not a Guest's.
pub const PREFIX: u8 = 0x01;

/// What was typed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Key {
    /// A byte for the Guest that has the focus.
    Type(u8),
    /// The Guest of this number, from 0, gets the focus.
    Focus(usize),
    /// The next Guest gets the focus.
    Next,
    /// What is kept of the Guest's output is shown.
    Kept,
    /// Output of the other Guests is hidden from now on, or not any more.
    Others,
    /// The monitor is opened, or shut.
    Monitor,
    /// The person leaves, and the machine ends.
    Leave,
    /// The keys are explained.
    Help,
}

/// Where in a sequence the typing is.
#[derive(Debug, Default)]
pub struct Keys {
    after_prefix: bool,
}

impl Keys {
    /// Takes a byte; `None` while a sequence is unfinished, and for one that means nothing.
    pub fn feed(&mut self, byte: u8) -> Option<Key> {
        if !core::mem::take(&mut self.after_prefix) {
            self.after_prefix = byte == PREFIX;
            return (byte != PREFIX).then_some(Key::Type(byte));
        }
        match byte.to_ascii_lowercase() {
            digit @ b'1'..=b'9' => Some(Key::Focus(usize::from(digit - b'1'))),
            b'n' => Some(Key::Next),
            b'l' => Some(Key::Kept),
            b'b' => Some(Key::Others),
            b'm' => Some(Key::Monitor),
            b'a' | PREFIX => Some(Key::Type(PREFIX)),
            b'x' => Some(Key::Leave),
            b'?' => Some(Key::Help),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut keys = Keys::default();
        bytes.iter().filter_map(|&byte| keys.feed(byte)).collect()
    }

    #[test]
    fn all_but_ctrl_a_is_typed_as_it_is() {
        let bytes: Vec<u8> = (0..=255).filter(|&byte| byte != PREFIX).collect();
        assert_eq!(keys(&bytes), bytes.iter().map(|&byte| Key::Type(byte)).collect::<Vec<_>>());
    }

    #[test]
    fn a_digit_is_a_guest_only_behind_ctrl_a() {
        assert_eq!(keys(b"1\x011\x019"), [Key::Type(b'1'), Key::Focus(0), Key::Focus(8)]);
    }

    #[test]
    fn ctrl_a_twice_or_with_an_a_types_one() {
        assert_eq!(
            keys(b"\x01\x01\x01a\x01A1"),
            [Key::Type(PREFIX), Key::Type(PREFIX), Key::Type(PREFIX), Key::Type(b'1')]
        );
    }

    #[test]
    fn a_key_that_means_nothing_ends_the_sequence() {
        for byte in (0..=255).filter(|byte| !b"123456789nNlLbBaAmMxX\x01?".contains(byte)) {
            assert_eq!(keys(&[PREFIX, byte, b'y']), [Key::Type(b'y')], "{byte:#x}");
        }
    }
}
