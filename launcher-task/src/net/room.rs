//! Memory for networks, lent once by the Host.
//!
//! Next on the tour: [`super::relay`].

/// Memory that was lent, handed out bit by bit.
#[derive(Debug)]
pub struct Room<'a>(&'a mut [u8]);

impl<'a> Room<'a> {
    /// All of `bytes`.
    pub const fn new(bytes: &'a mut [u8]) -> Self {
        Self(bytes)
    }

    /// Takes `len` bytes.
    ///
    /// # Panics
    /// If it has less: whoever lent it knew what was needed.
    pub fn take(&mut self, len: usize) -> &'a mut [u8] {
        let (taken, left) = core::mem::take(&mut self.0).split_at_mut(len);
        self.0 = left;
        taken
    }
}
