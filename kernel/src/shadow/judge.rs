//! What changed entries are judged and mirrored by.
//!
//! Next on the tour: `change.rs`.

use abi::kill::PageTableError;
use abi::{GuestLinear, GuestResult, HostPhys};

use super::VIRTUAL_8086_END;
use super::entry::{A, D, GuestEntry, U, mirror};
use crate::hypercall::set_pte::SetPte;

/// What changed entries are judged and mirrored by.
#[derive(Clone, Copy)]
pub(super) struct Judge {
    /// Host-physical address of the Guest's byte 0.
    pub host_base: HostPhys,
    /// Where the frames above memory end in which devices show their registers.
    pub device_limit: u32,
    /// What an entry has none of in its high dword.
    pub unsound_high: u32,
    /// Where the half of a table ends in which pages are closed to ring 3; 0 if there is none.
    pub closed_half: u32,
}

impl Judge {
    /// What is left at `at` of the `rights` of the levels above.
    pub(super) fn rights_at(&self, at: GuestLinear, rights: u32) -> u32 {
        if at.0 < self.closed_half.min(VIRTUAL_8086_END) { rights & !U } else { rights }
    }

    /// The shadow of a changed entry below `rights`, in a memory of `limit` bytes: 0 unless it has
    /// been used.
    #[inline(always)]
    pub(super) fn mirrored(&self, limit: u32, change: SetPte, rights: u32) -> GuestResult<u32> {
        let SetPte { at, entry, high, .. } = change;
        let entry = GuestEntry(entry);
        if entry.is_used_page(limit) && high & self.unsound_high == 0 {
            return Ok(mirror(entry, rights, self.host_base));
        }
        self.pass(limit, entry, high, at).map(|()| 0)
    }

    /// Judges what has no shadow. An entry that has not been used is judged when it is; a device's
    /// frame is mapped to nothing.
    #[inline(never)]
    fn pass(&self, limit: u32, entry: GuestEntry, high: u32, at: GuestLinear) -> GuestResult {
        let is_unused = !entry.is_present() || entry.0 & (A | D) == 0;
        let is_sound = entry.is_sound_page(limit) || entry.is_device(limit, self.device_limit);
        if is_unused || is_sound && high & self.unsound_high == 0 {
            return Ok(());
        }
        Err(PageTableError::Entry { at, entry: entry.0 }.into())
    }
}
