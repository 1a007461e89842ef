//! Text in a box: formatting where there is no heap.
//!
//! Invariants: `what_does_not_fit_is_cut_off`.
//!
//! Next on the tour: [`crate::line`].

use core::fmt;

/// Up to `N` bytes of text.
#[derive(Clone, Copy, Debug)]
pub struct Text<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Text<N> {
    /// No text.
    pub const fn new() -> Self {
        Self { bytes: [0; N], len: 0 }
    }

    /// The bytes so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// The whole box: the text, then NULs.
    pub fn padded(&self) -> &[u8; N] {
        &self.bytes
    }
}

impl<const N: usize> fmt::Write for Text<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = &mut self.bytes[self.len..];
        let len = room.len().min(text.len());
        room[..len].copy_from_slice(&text.as_bytes()[..len]);
        self.len += len;
        if len == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    #[test]
    fn what_does_not_fit_is_cut_off() {
        let mut text = Text::<4>::new();
        assert!(write!(text, "{}", 12).is_ok());
        assert!(write!(text, "{}", 345).is_err());
        assert_eq!(text.as_bytes(), b"1234");
    }

    #[test]
    fn behind_the_text_there_are_only_nuls() {
        let mut text = Text::<4>::new();
        assert!(text.write_str("ab").is_ok());
        assert_eq!(text.padded(), b"ab\0\0");
    }
}
