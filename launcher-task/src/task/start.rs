//! How a Guest is started: piece by piece, so that its neighbours do not wait for it.
//!
//! Memory is cleared, then image and initrd are copied into it, a piece at a
//! time; between two pieces others may have the CPU. The first start and each
//! restart are the same.
//!
//! ```text
//!   clear --piece--> ... --> copy: segments, then initrd --piece--> ... --> done
//! ```
//!
//! Invariants:
//! - A piece is [`PIECE`] bytes at most (`a_start_goes_piece_by_piece`).
//!
//! Next on the tour: `task/end.rs`.

use abi::memory::check_range;
use abi::{GuestMemory, GuestPhys, GuestResult, Nanos, RunGuest};

use super::{Launcher, Step};
use crate::{boot_params, image::Part};

/// Most bytes cleared or copied before somebody looks at the clock.
pub const PIECE: u32 = 256 << 10;
/// Most pieces in one step, so that nothing that comes from outside waits for long.
const PIECES_PER_STEP: u32 = 16;

/// How far a start is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Start {
    /// Parts that are done; clearing is the first.
    parts: usize,
    /// Bytes done of the next one.
    bytes: u32,
}

impl Start {
    /// Does one piece: clears some of the first `limit` bytes, or copies some of `parts`. True if
    /// that was the last.
    ///
    /// # Errors
    /// [`abi::KillReason::OutOfGuestMemory`] if the memory is smaller than that.
    pub fn advance<'a>(
        &mut self,
        memory: &mut dyn GuestMemory,
        limit: u32,
        mut parts: impl Iterator<Item = Part<'a>>,
    ) -> GuestResult<bool> {
        let Some(copied) = self.parts.checked_sub(1) else {
            let len = PIECE.min(limit - self.bytes);
            memory.zero(GuestPhys(self.bytes), len)?;
            self.note(len, limit);
            return Ok(false);
        };
        let Some((at, bytes)) = parts.nth(copied) else {
            return Ok(true);
        };
        let rest = &bytes[self.bytes as usize..];
        let piece = &rest[..rest.len().min(PIECE as usize)];
        memory.write_from(GuestPhys(at.0 + self.bytes), piece)?;
        self.note(piece.len() as u32, bytes.len() as u32);
        Ok(false)
    }

    /// So much more is done of a part of `len` bytes.
    fn note(&mut self, more: u32, len: u32) {
        self.bytes += more;
        if self.bytes == len {
            *self = Self { parts: self.parts + 1, bytes: 0 };
        }
    }
}

impl Launcher<'_> {
    /// Whether its Guest's first instruction is still to come.
    pub const fn is_starting(&self) -> bool {
        self.starting.is_some()
    }

    /// Begins another life of the Guest: the next steps prepare it.
    pub fn begin(&mut self) {
        (self.asleep, self.drives, self.starting) = (None, false, Some(Start::default()));
    }

    /// Prepares all of memory, devices and CPU at once, so that the next step runs the Guest's first
    /// instruction: for a Guest that is to be looked at before.
    ///
    /// # Errors
    /// [`abi::KillReason::OutOfGuestMemory`] if the memory is smaller than [`Launcher::limit`].
    pub fn start(&mut self, guest: &mut dyn RunGuest) -> GuestResult {
        while self.starting.is_some() {
            self.prepare(guest)?;
        }
        Ok(())
    }

    /// Does the next piece of a start, if it is not done.
    fn prepare(&mut self, guest: &mut dyn RunGuest) -> GuestResult {
        let Some(start) = &mut self.starting else { return Ok(()) };
        let (limit, memory) = (self.plan.memory + self.bus.memory_len(), guest.memory());
        check_range(GuestPhys(0), limit as usize, memory.limit())?;
        let initrd = self.layout.initrd().map(|place| (GuestPhys(place.start), self.initrd));
        if start.advance(memory, limit, self.image.parts().chain(initrd))? {
            boot_params::write(memory, &self.layout, &self.plan.command_line, self.image.header())?;
            self.bus.install(memory)?;
            guest.reset(self.image.entry());
            self.starting = None;
        }
        Ok(())
    }

    /// Gets on with a start, unless there have been too many.
    pub(super) fn go_on_starting(&mut self, guest: &mut dyn RunGuest, now: Nanos) -> GuestResult<Step> {
        if let Some(until) = self.asleep.filter(|&until| now < until) {
            return Ok(Step::Blocked(until));
        }
        self.asleep = None;
        for _ in 0..PIECES_PER_STEP {
            self.prepare(guest)?;
            if guest.slice_is_over() {
                break;
            }
        }
        Ok(Step::Runnable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::Ram;

    #[test]
    fn a_start_goes_piece_by_piece() {
        let limit = 3 * PIECE + 5;
        let mut ram = Ram(vec![0xA5; limit as usize]);
        let (image, initrd) = (vec![1; PIECE as usize + 1], [2; 3]);
        let parts =
            [(GuestPhys(7), &image[..]), (GuestPhys(100), &[][..]), (GuestPhys(limit - 3), &initrd[..])];
        let (mut start, mut pieces) = (Start::default(), 0);
        while !start.advance(&mut ram, limit, parts.into_iter()).unwrap() {
            pieces += 1;
        }
        assert_eq!(pieces, 4 + 2 + 1 + 1);
        let mut expected = vec![0; limit as usize];
        expected[7..8 + PIECE as usize].fill(1);
        expected[limit as usize - 3..].fill(2);
        assert!(ram[..] == expected[..]);
    }
}
