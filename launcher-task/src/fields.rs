//! The fields of a file, which may end anywhere.
//!
//! Invariants:
//! - Whatever offset and length are asked for, what comes back lies inside the
//!   file (`nothing_behind_the_end_is_read`).
//!
//! Next on the tour: [`crate::elf`].

use core::fmt;

/// The file ends before something it says it has; `Display` continues a sentence that begins with
/// the file's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Truncated {
    /// Bytes it should have at least.
    pub needed: u64,
    /// Bytes it has.
    pub len: usize,
}

impl fmt::Display for Truncated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "is truncated: it needs {} bytes and has {}", self.needed, self.len)
    }
}

/// Little-endian fields of a file by their offset.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    /// `len` bytes from `offset` on.
    pub fn bytes(&self, offset: u32, len: u32) -> Result<&'a [u8], Truncated> {
        let end = u64::from(offset) + u64::from(len);
        let range = usize::try_from(end).ok().and_then(|end| self.0.get(offset as usize..end));
        range.ok_or(Truncated { needed: end, len: self.0.len() })
    }

    /// The byte at `offset`.
    pub fn u8(&self, offset: u32) -> Result<u8, Truncated> {
        Ok(self.bytes(offset, 1)?[0])
    }

    /// The word at `offset`.
    pub fn u16(&self, offset: u32) -> Result<u16, Truncated> {
        let bytes = self.bytes(offset, 2)?;
        Ok(u16::from_le_bytes([bytes[0], bytes[1]]))
    }

    /// The dword at `offset`.
    pub fn u32(&self, offset: u32) -> Result<u32, Truncated> {
        let bytes = self.bytes(offset, 4)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_behind_the_end_is_read() {
        let fields = Fields(&[1, 2, 3, 4, 5]);
        assert_eq!((fields.u8(4), fields.u16(3), fields.u32(1)), (Ok(5), Ok(0x0504), Ok(0x0504_0302)));
        assert_eq!(fields.u32(2), Err(Truncated { needed: 6, len: 5 }));
        assert_eq!(fields.bytes(u32::MAX, u32::MAX), Err(Truncated { needed: 0x1_FFFF_FFFE, len: 5 }));
        assert_eq!(fields.bytes(5, 0), Ok([].as_slice()));
    }
}
