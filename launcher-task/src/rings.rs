//! Where the three parts of a virtqueue lie.
//!
//! The lguest bus puts them one behind the other, page-aligned; a driver on PCI
//! puts each where it likes. A queue only knows [`Rings`], whose addresses have
//! been judged once, so that no sum of an address and an offset can overflow.
//!
//! ```text
//!  in one run:   | descriptors 16n | available 6 + 2n | ... 4096-aligned: used 6 + 8n |
//! ```
//!
//! Invariants:
//! - All parts lie inside memory, aligned as the driver promised
//!   (`rings_lie_in_memory_and_on_their_boundaries`).
//!
//! Source: virtio 1.0, "Virtqueues" and "Legacy Interfaces: A Note on Virtqueue Layout".
//!
//! Next on the tour: [`crate::device`].

use abi::{
    GuestPhys, GuestResult,
    device_page::{QUEUE_ENTRIES, avail_offset, used_offset},
    kill::RingError,
    memory::check_range,
};

/// Bytes of a descriptor.
pub(crate) const DESCRIPTOR_LEN: u32 = 16;
/// Offsets within the available and the used ring.
pub(crate) const FLAGS: u32 = 0;
pub(crate) const INDEX: u32 = 2;
pub(crate) const ENTRIES: u32 = 4;
/// Bytes of either ring besides its entries: flags, index and the event at the end.
const RING_LEN: u32 = ENTRIES + 2;

/// The parts of one virtqueue. The default is no queue at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rings {
    /// The table of descriptors.
    pub(crate) descriptors: GuestPhys,
    available: GuestPhys,
    used: GuestPhys,
    /// Entries of each; 0 only for no queue.
    pub(crate) size: u16,
}

impl Rings {
    /// The parts as the lguest bus lays them out from `at` on, in device pages that exist.
    pub const fn in_one_run(at: GuestPhys) -> Self {
        let available = GuestPhys(at.0 + avail_offset(QUEUE_ENTRIES));
        let used = GuestPhys(at.0 + used_offset(QUEUE_ENTRIES));
        Self { descriptors: at, available, used, size: QUEUE_ENTRIES }
    }

    /// The parts where a driver wants them, in a memory of `limit` bytes.
    ///
    /// # Errors
    /// [`RingError::Size`] unless `size` is a power of two, 1 to 256; [`RingError::Place`] for a
    /// part off its boundary; [`abi::KillReason::OutOfGuestMemory`] for one outside memory.
    pub fn admit(size: u16, [descriptors, available, used]: [GuestPhys; 3], limit: u32) -> GuestResult<Self> {
        if !size.is_power_of_two() || size > QUEUE_ENTRIES {
            return Err(RingError::Size { size }.into());
        }
        let entries = u32::from(size);
        let parts = [
            (descriptors, DESCRIPTOR_LEN * entries, 16),
            (available, RING_LEN + 2 * entries, 2),
            (used, RING_LEN + 8 * entries, 4),
        ];
        for (at, len, alignment) in parts {
            if !at.0.is_multiple_of(alignment) {
                return Err(RingError::Place { at }.into());
            }
            check_range(at, len as usize, limit)?;
        }
        Ok(Self { descriptors, available, used, size })
    }

    /// The address `offset` bytes into the available ring.
    pub(crate) const fn available(&self, offset: u32) -> GuestPhys {
        GuestPhys(self.available.0 + offset)
    }

    /// The address `offset` bytes into the used ring.
    pub(crate) const fn used(&self, offset: u32) -> GuestPhys {
        GuestPhys(self.used.0 + offset)
    }

    /// Where the driver says at which used index it wants to be interrupted.
    pub(crate) const fn used_event(&self) -> GuestPhys {
        self.available(ENTRIES + 2 * self.size as u32)
    }

    /// Where the device says at which available index it wants to be kicked.
    pub(crate) const fn avail_event(&self) -> GuestPhys {
        self.used(ENTRIES + 8 * self.size as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abi::KillReason;

    fn admit(size: u16, places: [u32; 3]) -> GuestResult<Rings> {
        Rings::admit(size, places.map(GuestPhys), 0x1_0000)
    }

    #[test]
    fn rings_lie_in_memory_and_on_their_boundaries() {
        assert!(admit(256, [0x1000, 0x2002, 0x3004]).is_ok());
        for (place, at) in [(0, 0x1008), (1, 0x2001), (2, 0x3002)] {
            let mut places = [0x1000, 0x2000, 0x3000];
            places[place] = at;
            assert_eq!(admit(4, places), Err(RingError::Place { at: GuestPhys(at) }.into()));
        }
        let last = [0x1_0000 - 64, 0x1_0000 - 14, 0x1_0000 - 40];
        assert!(admit(4, last).is_ok(), "each may end at the limit");
        for (place, step, len) in [(0, 16, 64), (1, 2, 14), (2, 4, 38)] {
            let mut places = last;
            places[place] += step;
            let at = GuestPhys(places[place]);
            assert_eq!(admit(4, places), Err(KillReason::OutOfGuestMemory { at, len }));
        }
        assert!(admit(256, [0xFFFF_FFF0, 0, 0]).is_err(), "and not wrap");
    }

    #[test]
    fn a_queue_has_a_power_of_two_of_entries_up_to_256() {
        assert!([1, 2, 128, 256].iter().all(|&size| admit(size, [0, 0, 0]).is_ok()));
        for size in [0, 3, 255, 512, 0x8000] {
            assert_eq!(admit(size, [0, 0, 0]), Err(RingError::Size { size }.into()));
        }
    }

    #[test]
    fn in_one_run_they_fill_three_pages() {
        let rings = Rings::in_one_run(GuestPhys(0x1000));
        let places = [rings.descriptors, rings.available(0), rings.used(0)].map(|at| at.0);
        assert_eq!(places, [0x1000, 0x2000, 0x3000]);
        assert_eq!((rings.used_event().0, rings.avail_event().0), (0x2204, 0x3804));
    }
}
