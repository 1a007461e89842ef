//! Where a disk's bytes are, and what becomes of those a Guest writes.
//!
//! A disk is a boot module, so all of it is in memory. A store hands out the
//! place of a stretch of it; the copy to or from the Guest is made right there.
//!
//! ```text
//!   ReadWrite    the module itself
//!   ReadOnly     the module, which others may share
//!   Overlay      the module, shared, and over it what was written:
//!
//!      base      | A | B | C | D | E |      the module
//!      copy      |   | b |   | d | e |      as large, the Guest's own
//!      written     0   1   0   1   1        a bit a sector
//!      read      | A | b | C | d | e |
//! ```
//!
//! Invariants:
//! - A read finds what was last written there, or the module
//!   (`an_overlay_reads_like_memory`).
//! - The module under an overlay never changes (it is borrowed to read), and a
//!   restart brings it back unless it shall be kept
//!   (`a_restart_brings_the_module_back_unless_it_is_kept`).
//! - A last part of a sector does not count (`part_of_a_sector_is_no_sector`).
//!
//! Next on the tour: [`crate::task`].

use super::request::SECTOR;

/// Bytes of a sector.
const SECTOR_LEN: usize = SECTOR as usize;

/// A disk's bytes.
pub enum Store<'a> {
    /// They change for good.
    ReadWrite(&'a mut [u8]),
    /// They do not change.
    ReadOnly(&'a [u8]),
    /// Changes are kept beside them.
    Overlay(Overlay<'a>),
}

/// A module and what was written over it.
pub struct Overlay<'a> {
    base: &'a [u8],
    copy: &'a mut [u8],
    written: &'a mut [u8],
    is_kept: bool,
}

impl<'a> Overlay<'a> {
    /// Bytes of room it takes to keep changes to a module of `len` bytes: the sectors and a bit for
    /// each.
    pub const fn room(len: usize) -> usize {
        let sectors = len / SECTOR_LEN;
        sectors * SECTOR_LEN + sectors.div_ceil(8)
    }

    /// Nothing written yet over `base`; `room` is zeroes. Changes outlive a restart if `is_kept`.
    ///
    /// # Panics
    /// If `room` is not [`Overlay::room`] of the module.
    pub fn new(base: &'a [u8], room: &'a mut [u8], is_kept: bool) -> Self {
        assert_eq!(room.len(), Self::room(base.len()), "the room was made for this module");
        let (copy, written) = room.split_at_mut(base.len() / SECTOR_LEN * SECTOR_LEN);
        Self { base, copy, written, is_kept }
    }

    fn is_written(&self, sector: usize) -> bool {
        self.written[sector / 8] & 1 << (sector % 8) != 0
    }

    /// As many of `len` bytes from `at` on as lie in one piece.
    fn read(&self, at: usize, len: usize) -> &[u8] {
        let first = at / SECTOR_LEN;
        let is_own = self.is_written(first);
        let end = (first + 1..(at + len).div_ceil(SECTOR_LEN))
            .find(|&sector| self.is_written(sector) != is_own)
            .map_or(at + len, |sector| sector * SECTOR_LEN);
        if is_own { &self.copy[at..end] } else { &self.base[at..end] }
    }

    /// Whole sectors are written before anybody reads, so those touched count as written.
    fn write(&mut self, at: usize, len: usize) -> &mut [u8] {
        for sector in at / SECTOR_LEN..(at + len).div_ceil(SECTOR_LEN) {
            self.written[sector / 8] |= 1 << (sector % 8);
        }
        &mut self.copy[at..at + len]
    }
}

impl Store<'_> {
    /// Whole sectors there are.
    pub fn sectors(&self) -> u64 {
        let len = match self {
            Self::ReadWrite(bytes) => bytes.len(),
            Self::ReadOnly(bytes) => bytes.len(),
            Self::Overlay(overlay) => overlay.base.len(),
        };
        len as u64 / SECTOR
    }

    /// Tells whether nothing can be written.
    pub const fn is_read_only(&self) -> bool {
        matches!(self, Self::ReadOnly(_))
    }

    /// The bytes from `at` on, `len` of them or, where not all lie side by side, fewer; `len` is not
    /// 0 and all are on the disk.
    pub fn read(&self, at: usize, len: usize) -> &[u8] {
        match self {
            Self::ReadWrite(bytes) => &bytes[at..at + len],
            Self::ReadOnly(bytes) => &bytes[at..at + len],
            Self::Overlay(overlay) => overlay.read(at, len),
        }
    }

    /// The place of `len` bytes from `at` on, to be overwritten, all of a request's sectors; they
    /// are on the disk. Empty if nothing can be written.
    pub fn write(&mut self, at: usize, len: usize) -> &mut [u8] {
        match self {
            Self::ReadWrite(bytes) => &mut bytes[at..at + len],
            Self::ReadOnly(_) => &mut [],
            Self::Overlay(overlay) => overlay.write(at, len),
        }
    }

    /// The Guest begins another life.
    pub fn restart(&mut self) {
        match self {
            Self::ReadWrite(_) | Self::ReadOnly(_) => {}
            Self::Overlay(overlay) if overlay.is_kept => {}
            Self::Overlay(overlay) => overlay.written.fill(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn room(len: usize) -> Vec<u8> {
        vec![0; Overlay::room(len)]
    }

    fn read_all(store: &Store<'_>) -> Vec<u8> {
        let len = store.sectors() as usize * SECTOR_LEN;
        let mut all = Vec::new();
        while all.len() < len {
            all.extend_from_slice(store.read(all.len(), len - all.len()));
        }
        all
    }

    #[test]
    fn part_of_a_sector_is_no_sector() {
        let (bytes, mut room) = (vec![1; 1535], room(1535));
        assert_eq!(Store::ReadOnly(&bytes).sectors(), 2);
        assert_eq!(read_all(&Store::Overlay(Overlay::new(&bytes, &mut room, false))), [1; 1024]);
        assert_eq!(Store::ReadOnly(&bytes[..511]).sectors(), 0);
    }

    #[test]
    fn a_restart_brings_the_module_back_unless_it_is_kept() {
        let base = vec![1; 2048];
        for (is_kept, after) in [(false, 1), (true, 2)] {
            let mut room = room(2048);
            let mut store = Store::Overlay(Overlay::new(&base, &mut room, is_kept));
            store.write(512, 512).fill(2);
            assert_eq!(store.read(0, 2048).len(), 512, "up to the change");
            assert_eq!(store.read(512, 1), [2]);
            store.restart();
            assert_eq!(store.read(512, 1), [after]);
        }
    }

    #[test]
    fn what_is_written_for_good_stays() {
        let mut bytes = vec![0; 1024];
        let mut store = Store::ReadWrite(&mut bytes);
        store.write(512, 512).fill(3);
        store.restart();
        assert_eq!(store.read(511, 2), [0, 3]);
    }

    #[test]
    fn nothing_is_written_on_a_read_only_disk() {
        let bytes = vec![7; 512];
        let mut store = Store::ReadOnly(&bytes);
        assert!(store.is_read_only() && store.write(0, 512).is_empty());
    }

    proptest! {
        #[test]
        fn an_overlay_reads_like_memory(
            writes in prop::collection::vec((0usize..64, 1usize..16, any::<u8>()), 0..20),
        ) {
            let base: Vec<u8> = (0..64 * SECTOR_LEN).map(|place| (place / 100) as u8).collect();
            let (mut model, mut room) = (base.clone(), room(base.len()));
            let mut store = Store::Overlay(Overlay::new(&base, &mut room, false));
            for (sector, count, value) in writes {
                let (at, end) = (sector * SECTOR_LEN, (sector + count).min(64) * SECTOR_LEN);
                store.write(at, end - at).fill(value);
                model[at..end].fill(value);
                prop_assert_eq!(&read_all(&store), &model);
            }
        }
    }
}
