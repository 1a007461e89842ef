//! A Guest's RAM: the real one behind [`abi::GuestMemory`].
//!
//! One contiguous run of frames, mapped in the Host where it is, so an access
//! is a bound, an addition and a copy. The Guest changes it whenever it runs
//! (and one day while we look), so no reference into it is ever made: bytes
//! are copied in and out through raw pointers.
//!
//! Invariants:
//! - Every access is judged by [`check_range`] first, here as in every other
//!   [`GuestMemory`].
//!
//! Next on the tour: [`super::stack`].

use abi::memory::check_range;
use abi::{GuestMemory, GuestPhys, GuestResult, HostPhys};
use kernel::platform::frames::FrameRun;

/// A Guest's memory: the first `limit` bytes of a run of frames.
#[derive(Debug)]
pub struct GuestRam {
    run: FrameRun,
    /// Where the run starts, for each access begins there.
    base: HostPhys,
    limit: u32,
}

/// Declares a read and a write of one width: judged like any other, then one instruction.
macro_rules! width {
    ($read:ident, $write:ident, $type:ty) => {
        #[inline]
        fn $read(&self, at: GuestPhys) -> GuestResult<$type> {
            let at = self.address(at, size_of::<$type>())?;
            // SAFETY: The whole value lies inside; `read_unaligned` asks for no more.
            Ok(unsafe { at.cast::<$type>().read_unaligned() })
        }

        #[inline]
        fn $write(&mut self, at: GuestPhys, value: $type) -> GuestResult {
            let at = self.address(at, size_of::<$type>())?;
            // SAFETY: The whole value lies inside; `write_unaligned` asks for no more.
            unsafe { at.cast::<$type>().write_unaligned(value) };
            Ok(())
        }
    };
}

impl GuestRam {
    /// A Guest's memory out of the first `limit` bytes of a run of frames; the rest of the run
    /// only goes along with it.
    ///
    /// # Safety
    /// 1. `run` is RAM that the Host maps one to one, and nobody else reads or writes its first
    ///    `limit` bytes. 2. It is at least that long.
    pub unsafe fn new(run: FrameRun, limit: u32) -> Self {
        Self { base: run.start(), run, limit }
    }

    /// The frames, which are nobody's memory any more.
    pub fn into_run(self) -> FrameRun {
        self.run
    }

    /// Where Guest-physical 0 lies: adding it turns any address below
    /// [`limit`](GuestMemory::limit) into a Host-physical one.
    pub fn base(&self) -> HostPhys {
        self.base
    }

    /// A pointer to `len` bytes at `at`, all of them inside.
    #[inline]
    fn address(&self, at: GuestPhys, len: usize) -> GuestResult<*mut u8> {
        let range = check_range(at, len, self.limit())?;
        Ok((self.base().0 as usize + range.start) as *mut u8)
    }
}

impl GuestMemory for GuestRam {
    #[inline]
    fn limit(&self) -> u32 {
        self.limit
    }

    #[inline]
    fn read_into(&self, at: GuestPhys, into: &mut [u8]) -> GuestResult {
        let from = self.address(at, into.len())?;
        // SAFETY: 1. The range lies inside; 2. `into` is the Host's, so they do not overlap.
        unsafe { from.copy_to_nonoverlapping(into.as_mut_ptr(), into.len()) };
        Ok(())
    }

    #[inline]
    fn write_from(&mut self, at: GuestPhys, from: &[u8]) -> GuestResult {
        let to = self.address(at, from.len())?;
        // SAFETY: As for reading.
        unsafe { to.copy_from_nonoverlapping(from.as_ptr(), from.len()) };
        Ok(())
    }

    fn zero(&mut self, at: GuestPhys, len: u32) -> GuestResult {
        let to = self.address(at, len as usize)?;
        // SAFETY: The range lies inside.
        unsafe { to.write_bytes(0, len as usize) };
        Ok(())
    }

    width!(read_u32, write_u32, u32);
    width!(read_u16, write_u16, u16);
    width!(read_u8, write_u8, u8);
}
