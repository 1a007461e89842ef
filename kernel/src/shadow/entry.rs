//! Page-table entries: the Guest's, the shadow's, and the one bridge.
//!
//! A [`GuestEntry`] speaks of Guest-physical frames and is not believed; a
//! shadow entry speaks of the Host's and is what the CPU walks. Only
//! [`mirror`] turns one into the other, after [`GuestEntry::page`] or
//! [`GuestEntry::table`] has judged it.
//!
//! Invariants:
//! - No D, no W: a page is writable for the CPU only once the Guest's own
//!   entry says dirty (`a_clean_page_is_mirrored_read_only`).
//! - Large pages are refused at both levels, in these two judges and nowhere
//!   else.
//!
//! Source: Intel SDM Vol. 3, "32-Bit Paging"; lguest ABI, "Demand fault".
//!
//! Next on the tour: [`super::pool`].

use abi::kill::PageTableError;
use abi::{GuestLinear, GuestPhys, GuestResult, HostPhys, PAGE_SIZE};

/// Present.
pub const P: u32 = 1;
/// Writable.
pub const W: u32 = 1 << 1;
/// Open to ring 3.
pub const U: u32 = 1 << 2;
/// Accessed.
pub const A: u32 = 1 << 5;
/// Dirty.
pub const D: u32 = 1 << 6;
/// Large page in a directory, memory type in a table: refused in both.
pub const PS: u32 = 1 << 7;
/// How many flushes in turn found a shadow entry not used: bits the CPU leaves to us. A CPU that uses an
/// entry sets A.
pub const AGE: u32 = 3 << 9;
/// Caching bits, passed through.
const CACHING: u32 = 1 << 3 | 1 << 4;
/// What a directory entry may carry besides an address.
const TABLE_FLAGS: u32 = P | W | U | A | D;
const ADDRESS: u32 = !(PAGE_SIZE - 1);

/// A page-table entry as a Guest wrote it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GuestEntry(pub u32);

impl GuestEntry {
    /// Whether it maps anything.
    #[inline]
    pub const fn is_present(self) -> bool {
        self.0 & P != 0
    }

    /// The frame it names.
    #[inline]
    pub const fn address(self) -> GuestPhys {
        GuestPhys(self.0 & ADDRESS)
    }

    /// Judges a present directory entry for `at`: the page table it names, inside `limit`.
    ///
    /// # Errors
    /// [`PageTableError::Directory`].
    #[inline]
    pub fn table(self, at: GuestLinear, limit: u32) -> GuestResult<GuestPhys> {
        let has_bad_flags = self.0 & !ADDRESS & !TABLE_FLAGS != 0;
        if has_bad_flags || !is_inside(self.address(), limit) {
            return Err(PageTableError::Directory { at, entry: self.0 }.into());
        }
        Ok(self.address())
    }

    /// Judges a present page-table entry for `at`: the page it names, inside `limit`.
    ///
    /// # Errors
    /// [`PageTableError::Entry`].
    #[inline]
    pub fn page(self, at: GuestLinear, limit: u32) -> GuestResult<GuestPhys> {
        if !self.is_sound_page(limit) {
            return Err(PageTableError::Entry { at, entry: self.0 }.into());
        }
        Ok(self.address())
    }

    /// Whether [`GuestEntry::page`] would pass it.
    #[inline]
    pub fn is_sound_page(self, limit: u32) -> bool {
        // The limit ends a page, so the flags make no difference.
        self.0 & PS == 0 && is_inside(GuestPhys(self.0), limit)
    }

    /// Whether it is present, sound, and has been used (A).
    #[inline]
    pub fn is_used_page(self, limit: u32) -> bool {
        self.0 & (P | A | PS) == P | A && is_inside(GuestPhys(self.0), limit)
    }

    /// Whether it names a frame in which a device shows its registers: above a memory of `limit`
    /// bytes, and below `device_limit`.
    #[inline]
    pub fn is_device(self, limit: u32, device_limit: u32) -> bool {
        self.0 & PS == 0 && self.address().0 >= limit && is_inside(self.address(), device_limit)
    }
}

/// Whether the whole page that `at` is in is Guest memory.
#[inline]
pub fn is_inside(at: GuestPhys, limit: u32) -> bool {
    at.0 < limit & ADDRESS
}

/// The shadow entry for a sound Guest entry: same page, and no more than `rights` (W and U of the
/// levels above) allow.
#[inline]
pub fn mirror(entry: GuestEntry, rights: u32, host_base: HostPhys) -> u32 {
    let dirty = entry.0 >> 5; // D, where W is
    let kept = entry.0 & (ADDRESS | CACHING | rights & (W | U)) & (dirty | !W);
    (host_base.0 | P | A | D).wrapping_add(kept) // a base is a page's, so this is all bits together
}

/// A shadow entry like `fresh` that nobody has used yet.
#[inline]
pub fn unused(fresh: u32) -> u32 {
    fresh & !A
}

/// What becomes of the shadow entry `old` when a flush finds that it should be `fresh`: as if
/// filled in now, if it was used lately; nothing if not.
#[inline]
pub fn aged(old: u32, fresh: u32) -> u32 {
    if old & A != 0 {
        unused(fresh)
    } else if old & AGE == AGE {
        0
    } else {
        let older = (old & AGE) + (1 << AGE.trailing_zeros());
        unused(fresh) | older
    }
}

const _: () = assert!(D >> 5 == W);

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: HostPhys = HostPhys(0x0040_0000);

    #[test]
    fn a_clean_page_is_mirrored_read_only() {
        let clean = mirror(GuestEntry(0x3000 | P | W | A), W | U, BASE);
        let dirty = mirror(GuestEntry(0x3000 | P | W | A | D), W | U, BASE);
        assert_eq!(clean, 0x0040_3000 | P | A | D);
        assert_eq!(dirty, 0x0040_3000 | P | W | A | D);
    }

    #[test]
    fn the_level_above_can_only_take_rights_away() {
        let entry = GuestEntry(0x3000 | P | W | U | A | D);
        assert_eq!(mirror(entry, 0, BASE) & (W | U), 0);
        assert_eq!(mirror(entry, U, BASE) & (W | U), U);
    }

    #[test]
    fn global_and_software_bits_are_not_mirrored() {
        assert_eq!(mirror(GuestEntry(0x3F00 | P | A), W | U, BASE), 0x0040_3000 | P | A | D);
    }

    #[test]
    fn what_is_used_stays_and_what_is_not_goes_at_last() {
        let used = 0x0040_3000 | P | W | A | D;
        let mut entry = aged(used, used);
        for age in 0..4 {
            assert_eq!(entry, unused(used) | age << 9);
            assert_eq!(aged(entry | A, used), unused(used), "used again");
            entry = aged(entry, used);
        }
        assert_eq!(entry, 0);
    }

    #[test]
    fn large_pages_and_frames_beyond_memory_are_refused() {
        let at = GuestLinear(0xC000_0000);
        assert!(GuestEntry(P | PS).table(at, 0x10_0000).is_err());
        assert!(GuestEntry(P | PS).page(at, 0x10_0000).is_err());
        assert!(GuestEntry(0x10_0000 | P).page(at, 0x10_0000).is_err());
        assert_eq!(GuestEntry(0xF_F000 | P).page(at, 0x10_0000), Ok(GuestPhys(0xF_F000)));
        assert!(GuestEntry(0xF_F000 | P).page(at, 0xF_FFFF).is_err());
    }
}
