//! From a driver's own rings to those of the lguest bus, and back.
//!
//! On that bus a queue has 256 entries and lies above RAM, and no driver has a
//! say in it. Drivers that bring rings of their own, of 2 or 16 entries, work
//! all the same if somebody carries what is in them to the others. Buffers are
//! not touched, and a descriptor keeps its number.
//!
//! ```text
//!   descriptors, available  --hand_over-->  those above RAM, then NOTIFY
//!   used                    <--hand_back--  after it, and when an interrupt has come
//! ```
//!
//! Invariants: a chain is not followed further than its queue is long
//! ([`Relay::hand_over`] asserts it).
//!
//! Source: Virtio 1.0, 2.4 "Virtqueues".
//!
//! Next on the tour: [`crate::disk`].

use core::sync::atomic::{Ordering, fence};

use abi::device_page::DESC_NEXT;
use abi::{GuestMemory, GuestPhys};
use kit::device_window::DeviceWindow;
use kit::devices::Queue;
use kit::virtqueue::Virtqueue;

/// Offset of `idx` in either ring.
const INDEX: u32 = 2;
/// Offset of the first element in either ring.
const ELEMENTS: u32 = 4;

const IN_RAM: &str = "a driver's rings lie in frames of its own";
const RING_IS_THERE: &str = "the rings lie in the device pages";

/// A queue of the bus, and the driver's that it stands for.
pub(crate) struct Relay {
    bus: Virtqueue,
    ram: DeviceWindow,
    size: u16,
    descriptors: GuestPhys,
    available: GuestPhys,
    used: GuestPhys,
    handed_over: u16,
    handed_back: u16,
}

impl Relay {
    /// Between `queue`, just reset, and the driver's with `size` entries: descriptors, available and
    /// used ring.
    pub(crate) fn new(queue: Queue, size: u16, [descriptors, available, used]: [GuestPhys; 3]) -> Self {
        let end = GuestPhys(used.0 + ELEMENTS + 8 * u32::from(size));
        // SAFETY: the driver has taken these frames for its rings, and they are no Rust variables.
        let ram = unsafe { DeviceWindow::of_frames(descriptors, end) };
        let bus = Virtqueue::new(queue);
        Self { bus, ram, size, descriptors, available, used, handed_over: 0, handed_back: 0 }
    }

    /// What to name when kicking.
    pub(crate) fn ring(&self) -> GuestPhys {
        self.bus.at()
    }

    /// Carries over what the driver has made available.
    pub(crate) fn hand_over(&mut self, window: &mut DeviceWindow) {
        let index = self.ram.read_u16(GuestPhys(self.available.0 + INDEX)).expect(IN_RAM);
        fence(Ordering::Acquire);
        while self.handed_over != index {
            let slot = self.available.0 + ELEMENTS + 2 * u32::from(self.handed_over % self.size);
            let head = self.ram.read_u16(GuestPhys(slot)).expect(IN_RAM);
            self.copy_chain(head, window);
            self.bus.publish(window, head).expect(RING_IS_THERE);
            self.handed_over = self.handed_over.wrapping_add(1);
        }
    }

    fn copy_chain(&mut self, head: u16, window: &mut DeviceWindow) {
        let mut id = head;
        for _ in 0..self.size {
            let at = self.descriptors.0 + 16 * u32::from(id);
            let [buffer, _, len, link] =
                [0, 4, 8, 12].map(|offset| self.ram.read_u32(GuestPhys(at + offset)).expect(IN_RAM));
            self.bus.describe(window, id, GuestPhys(buffer), len, link).expect(RING_IS_THERE);
            if link & u32::from(DESC_NEXT) == 0 {
                return;
            }
            id = (link >> 16) as u16;
        }
        panic!("a chain from {head} is longer than its queue");
    }

    /// Carries back what the device has used; returns how many chains that were.
    pub(crate) fn hand_back(&mut self, window: &mut DeviceWindow) -> u32 {
        let mut count = 0;
        while let Some(used) = self.bus.take_used(window).expect(RING_IS_THERE) {
            let slot = GuestPhys(self.used.0 + ELEMENTS + 8 * u32::from(self.handed_back % self.size));
            self.ram.write_u32(slot, used.id).expect(IN_RAM);
            self.ram.write_u32(GuestPhys(slot.0 + 4), used.len).expect(IN_RAM);
            self.handed_back = self.handed_back.wrapping_add(1);
            fence(Ordering::Release);
            self.ram.write_u16(GuestPhys(self.used.0 + INDEX), self.handed_back).expect(IN_RAM);
            count += 1;
        }
        count
    }
}
