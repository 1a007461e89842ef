//! Guest memory, the only way anyone but the CPU may touch it.
//!
//! A Guest owns one contiguous run of bytes, addressed from zero. Everything
//! the Host or the Launcher wants to know about it is *copied* out first and
//! judged on the copy, so a Guest that rewrites a structure while it is being
//! read gains nothing.
//!
//! Invariants:
//! - An access that does not lie wholly inside fails with
//!   [`KillReason::OutOfGuestMemory`] and moves no byte
//!   (`an_access_across_the_end_moves_nothing`).
//! - A range that ends exactly at the limit is inside
//!   (`a_range_may_end_at_the_limit`).
//!
//! Next on the tour: [`crate::time`].

use crate::{GuestPhys, GuestResult, KillReason};

/// Reads and writes a Guest's memory by Guest-physical address.
pub trait GuestMemory {
    /// Bytes of memory, so also the first address that is outside.
    fn limit(&self) -> u32;

    /// Copies `into.len()` bytes from `at`.
    ///
    /// # Errors
    /// [`KillReason::OutOfGuestMemory`] if any byte lies outside.
    fn read_into(&self, at: GuestPhys, into: &mut [u8]) -> GuestResult;

    /// Copies `from` to `at`.
    ///
    /// # Errors
    /// [`KillReason::OutOfGuestMemory`] if any byte lies outside.
    fn write_from(&mut self, at: GuestPhys, from: &[u8]) -> GuestResult;

    /// Zeroes `len` bytes from `at`.
    ///
    /// # Errors
    /// [`KillReason::OutOfGuestMemory`] if any byte lies outside.
    fn zero(&mut self, at: GuestPhys, len: u32) -> GuestResult;

    /// Reads one little-endian byte, word or dword; the paths that run on each
    /// exit use these, so an implementation may do better than the default.
    ///
    /// # Errors
    /// [`KillReason::OutOfGuestMemory`] if any byte lies outside.
    fn read_u32(&self, at: GuestPhys) -> GuestResult<u32> {
        let mut bytes = [0; 4];
        self.read_into(at, &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    /// Reads a little-endian word.
    ///
    /// # Errors
    /// [`KillReason::OutOfGuestMemory`] if any byte lies outside.
    fn read_u16(&self, at: GuestPhys) -> GuestResult<u16> {
        let mut bytes = [0; 2];
        self.read_into(at, &mut bytes)?;
        Ok(u16::from_le_bytes(bytes))
    }

    /// Reads a byte.
    ///
    /// # Errors
    /// [`KillReason::OutOfGuestMemory`] if it lies outside.
    fn read_u8(&self, at: GuestPhys) -> GuestResult<u8> {
        let mut byte = [0];
        self.read_into(at, &mut byte)?;
        Ok(byte[0])
    }

    /// Writes a little-endian dword.
    ///
    /// # Errors
    /// [`KillReason::OutOfGuestMemory`] if any byte lies outside.
    fn write_u32(&mut self, at: GuestPhys, value: u32) -> GuestResult {
        self.write_from(at, &value.to_le_bytes())
    }

    /// Writes a little-endian word.
    ///
    /// # Errors
    /// [`KillReason::OutOfGuestMemory`] if any byte lies outside.
    fn write_u16(&mut self, at: GuestPhys, value: u16) -> GuestResult {
        self.write_from(at, &value.to_le_bytes())
    }

    /// Writes a byte.
    ///
    /// # Errors
    /// [`KillReason::OutOfGuestMemory`] if it lies outside.
    fn write_u8(&mut self, at: GuestPhys, value: u8) -> GuestResult {
        self.write_from(at, &[value])
    }
}

/// Judges an access of `len` bytes at `at` against `limit` and returns its first and last-plus-one
/// offset; every implementation of [`GuestMemory`] decides with this one.
///
/// # Errors
/// [`KillReason::OutOfGuestMemory`] if the range wraps or does not end by `limit`.
#[inline]
pub fn check_range(at: GuestPhys, len: usize, limit: u32) -> GuestResult<core::ops::Range<usize>> {
    let start = at.0 as usize;
    match (limit as usize).checked_sub(len) {
        Some(last) if start <= last => Ok(start..start + len),
        Some(_) | None => Err(KillReason::OutOfGuestMemory { at, len: len as u32 }),
    }
}

/// Plain bytes are Guest memory too: what tests run on.
impl GuestMemory for [u8] {
    fn limit(&self) -> u32 {
        self.len() as u32
    }

    fn read_into(&self, at: GuestPhys, into: &mut [u8]) -> GuestResult {
        let range = check_range(at, into.len(), self.limit())?;
        into.copy_from_slice(&self[range]);
        Ok(())
    }

    fn write_from(&mut self, at: GuestPhys, from: &[u8]) -> GuestResult {
        let range = check_range(at, from.len(), self.limit())?;
        self[range].copy_from_slice(from);
        Ok(())
    }

    fn zero(&mut self, at: GuestPhys, len: u32) -> GuestResult {
        let range = check_range(at, len as usize, self.limit())?;
        self[range].fill(0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_may_end_at_the_limit() {
        let mut ram = [0u8; 16];
        ram.write_u32(GuestPhys(12), 0x1234_5678).unwrap();
        assert_eq!(ram.read_u32(GuestPhys(12)), Ok(0x1234_5678));
    }

    #[test]
    fn an_access_across_the_end_moves_nothing() {
        let mut ram = [7u8; 16];
        let at = GuestPhys(13);
        assert_eq!(ram.write_u32(at, 0), Err(KillReason::OutOfGuestMemory { at, len: 4 }));
        assert_eq!(ram, [7; 16]);
    }

    #[test]
    fn an_access_that_wraps_is_outside() {
        let ram = [0u8; 16];
        assert!(ram.read_u32(GuestPhys(0xFFFF_FFFE)).is_err());
    }
}
