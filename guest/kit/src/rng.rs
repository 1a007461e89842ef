//! The virtio entropy source: bytes for the asking.
//!
//! Source: Virtio 1.0, 5.4 "Entropy Device".
//!
//! Next on the tour: [`crate::report`].

use abi::GuestPhys;
use abi::device_page::{DESC_WRITE, TYPE_RNG};

use crate::device_window::DeviceWindow;
use crate::driver;
use crate::hypercall::Call;
use crate::virtqueue::Virtqueue;

/// Why a queue in the device pages cannot be out of reach: its place was looked up there.
const RING_IS_THERE: &str = "the rings lie in the device pages";

/// The entropy source.
pub struct Source {
    /// The device pages, where its queue is.
    pub window: DeviceWindow,
    /// Its queue.
    pub queue: Virtqueue,
}

impl Source {
    /// Starts it, accepting what is offered of `features`.
    pub fn start(features: u32) -> Option<Self> {
        let page = DeviceWindow::new().device_page();
        let found = driver::find(&page, TYPE_RNG, 0)?;
        let queue = Virtqueue::new(found.device.queue(0)?);
        Some(Self { window: found.start(features), queue })
    }

    /// Has `len` bytes at `at` filled; returns how many were.
    pub fn fill(&mut self, at: GuestPhys, len: u32) -> u32 {
        self.queue.offer(&mut self.window, 0, at, len, DESC_WRITE).expect(RING_IS_THERE);
        Call::notify(self.queue.at()).make();
        loop {
            if let Some(used) = self.queue.take_used(&self.window).expect(RING_IS_THERE) {
                return used.len;
            }
            core::hint::spin_loop();
        }
    }
}
