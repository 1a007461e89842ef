//! The device page, read as a list.
//!
//! The Host describes what the Guest has in one page above its RAM. This
//! module reads a *copy* of that page; the driver goes back to the original
//! only for the status byte and the accepted features.
//!
//! Invariants:
//! - The walk ends, whatever the page holds (`a_page_of_noise_ends`).
//! - A device that sticks out of the page is not one
//!   (`a_device_across_the_end_is_dropped`).
//!
//! Source: lguest ABI, "Device page (legacy bus)".
//!
//! Next on the tour: [`crate::virtqueue`].

use abi::device_page::{HEADER_LEN, QUEUE_LEN, TYPE_END, avail_offset, used_offset};
use abi::{GuestLinear, GuestPhys, PAGE_SIZE};

/// A copy of the device page.
pub type DevicePage = [u8; PAGE_SIZE as usize];

/// One device as described.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Device<'page> {
    /// Where in the page its descriptor starts.
    pub offset: u32,
    /// What it is, `abi::device_page::TYPE_*`.
    pub kind: u8,
    queues: &'page [u8],
    features: &'page [u8],
    config: &'page [u8],
}

/// One queue of a device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Queue {
    /// How many descriptors it has.
    pub entries: u16,
    /// The line it interrupts on.
    pub irq: u8,
    /// Where its rings lie.
    pub at: GuestPhys,
    /// How to kick it.
    pub bell: Bell,
}

/// How a queue is kicked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bell {
    /// By the hypercall, with its address.
    Notify,
    /// By its number, in a register.
    Register {
        /// The register.
        at: GuestLinear,
        /// The number.
        queue: u16,
    },
}

impl Queue {
    /// Where descriptors, available and used ring of `entries` lie in one run from `at` on.
    pub fn places(at: GuestPhys, entries: u16) -> [u64; 3] {
        [0, avail_offset(entries), used_offset(entries)].map(|offset| (at.0 + offset).into())
    }
}

impl<'page> Device<'page> {
    /// Queue `index`, if the device has that many.
    pub fn queue(&self, index: usize) -> Option<Queue> {
        let entry = self.queues.chunks_exact(QUEUE_LEN as usize).nth(index)?;
        let page = u32::from_le_bytes([entry[4], entry[5], entry[6], entry[7]]);
        Some(Queue {
            entries: u16::from_le_bytes([entry[0], entry[1]]),
            irq: entry[2],
            at: GuestPhys(page.wrapping_mul(PAGE_SIZE)),
            bell: Bell::Notify,
        })
    }

    /// Whether feature `bit` is offered.
    pub fn offers(&self, bit: usize) -> bool {
        self.features.get(bit / 8).is_some_and(|byte| byte >> (bit % 8) & 1 != 0)
    }

    /// The features it offers, the first 32.
    pub fn offered(&self) -> u32 {
        let bytes = self.features.iter().take(4).rev();
        bytes.fold(0, |features, &byte| features << 8 | u32::from(byte))
    }

    /// The device's own configuration bytes.
    pub fn config(&self) -> &'page [u8] {
        self.config
    }

    /// Where in the page the bytes of accepted features are.
    pub fn accepted_features(&self) -> core::ops::Range<u32> {
        let start = self.offset + HEADER_LEN + (self.queues.len() + self.features.len()) as u32;
        start..start + self.features.len() as u32
    }

    fn parse(page: &'page DevicePage, offset: u32) -> Option<(Self, u32)> {
        let rest = page.get(offset as usize..)?;
        let (header, rest) = rest.split_at_checked(HEADER_LEN as usize)?;
        let (queues, rest) = rest.split_at_checked(usize::from(header[1]) * QUEUE_LEN as usize)?;
        let (features, rest) = rest.split_at_checked(usize::from(header[2]))?;
        let (_accepted, rest) = rest.split_at_checked(usize::from(header[2]))?;
        let (config, rest) = rest.split_at_checked(usize::from(header[3]))?;
        let device = Self { offset, kind: header[0], queues, features, config };
        (device.kind != TYPE_END).then_some((device, PAGE_SIZE - rest.len() as u32))
    }
}

/// The devices of `page`, in order.
pub fn devices(page: &DevicePage) -> impl Iterator<Item = Device<'_>> {
    let mut offset = 0;
    core::iter::from_fn(move || {
        let (device, end) = Device::parse(page, offset)?;
        offset = end;
        Some(device)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use abi::device_page::{TYPE_CONSOLE, TYPE_RNG};

    fn page_with(bytes: &[u8]) -> DevicePage {
        let mut page = [0; PAGE_SIZE as usize];
        page[..bytes.len()].copy_from_slice(bytes);
        page
    }

    /// An entropy source with one queue, two feature bytes and one of configuration; a console.
    const TWO: &[u8] = &[
        TYPE_RNG,
        1,
        2,
        1,
        0,
        0,
        1,
        5,
        0,
        0x10,
        0,
        0,
        0,
        0xAA,
        0xBB,
        0,
        0,
        0x77, //
        TYPE_CONSOLE,
        2,
        0,
        0,
        0,
        0,
        1,
        1,
        0,
        1,
        0x40,
        0,
        0,
        0,
        1,
        2,
        0,
        4,
        0x40,
        0,
        0,
    ];

    #[test]
    fn devices_are_packed_back_to_back() {
        let page = page_with(TWO);
        let found: Vec<_> = devices(&page).collect();
        assert_eq!(found.iter().map(|d| (d.offset, d.kind)).collect::<Vec<_>>(), [(0, 4), (18, 3)]);
        assert_eq!(found[0].accepted_features(), 15..17);
        assert_eq!((found[0].config(), found[0].offered()), (&[0x77][..], 0xBBAA));
        assert_eq!(found[1].offered(), 0);
        let output = Queue { entries: 256, irq: 2, at: GuestPhys(0x0400_4000), bell: Bell::Notify };
        assert_eq!((found[1].queue(1), found[1].queue(2)), (Some(output), None));
    }

    #[test]
    fn a_device_across_the_end_is_dropped() {
        let mut page = page_with(&[TYPE_RNG, 0, 0, 255, 0]);
        for start in (0..4096 - 260).step_by(260) {
            page[start..start + 4].copy_from_slice(&[TYPE_RNG, 0, 0, 255]);
        }
        page[3900..3904].copy_from_slice(&[TYPE_RNG, 0, 0, 255]);
        assert_eq!(devices(&page).count(), 15, "the sixteenth would end behind the page");
    }

    #[test]
    fn a_page_of_noise_ends() {
        assert!(devices(&[1; PAGE_SIZE as usize]).count() < 4096);
        assert_eq!(devices(&[0; PAGE_SIZE as usize]).count(), 0);
    }
}
