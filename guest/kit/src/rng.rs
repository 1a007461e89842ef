//! The virtio entropy source: bytes for the asking.
//!
//! Source: Virtio 1.0, 5.4 "Entropy Device".
//!
//! Next on the tour: [`crate::report`].

use abi::GuestPhys;
use abi::device_page::{DESC_WRITE, TYPE_RNG};

use crate::device_window::DeviceWindow;
use crate::driver;
use crate::pci;
use crate::virtqueue::Virtqueue;

/// Why a queue cannot be out of reach: the window is the one it came with.
const RING_IS_THERE: &str = "the rings lie in the window";

/// The entropy source.
pub struct Source {
    /// The memory its queue is in.
    pub window: DeviceWindow,
    /// Its queue.
    pub queue: Virtqueue,
}

impl Source {
    /// Starts it, accepting what is offered of `features`.
    pub fn start(features: u32) -> Option<Self> {
        let driver::Started { window, queues: [queue], .. } =
            driver::start::<1, 0>(TYPE_RNG, 0, features.into())?;
        Some(Self { window, queue: Virtqueue::new(queue) })
    }

    /// Has `len` bytes at `at` filled; returns how many were.
    pub fn fill(&mut self, at: GuestPhys, len: u32) -> u32 {
        self.queue.offer(&mut self.window, 0, at, len, DESC_WRITE).expect(RING_IS_THERE);
        pci::kick(self.queue.queue());
        loop {
            if let Some(used) = self.queue.take_used(&self.window).expect(RING_IS_THERE) {
                return used.len;
            }
            core::hint::spin_loop();
        }
    }
}
