//! A checksum that its receiver has to finish.
//!
//! Source: virtio 1.3, 5.1.6.2 "Packet Transmission".
//!
//! Next on the tour: [`super::header`].

/// A checksum of which only the pseudo-header's part stands in its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unfinished {
    /// Offset in the frame of the first byte to be summed up; the last is the frame's.
    pub start: u16,
    /// Where the sum goes, from there.
    pub offset: u16,
}

impl Unfinished {
    /// Whether all of it is in `frame`.
    pub(super) fn is_in(&self, frame: &[u8]) -> bool {
        usize::from(self.start) + usize::from(self.offset) + 2 <= frame.len()
    }
}
