//! The virtio disk: one request at a time, waited for.
//!
//! ```text
//!   | type priority sector |  data, some frames  | status |
//!     16 bytes, to read      to read or to write   1 byte, to write
//! ```
//!
//! The Host serves a request before the kick returns, so waiting is a look at
//! the used ring.
//!
//! Invariants: descriptors from 0 on are ours or, during a request, the device's.
//!
//! Source: Virtio 1.0, 5.2 "Block Device".
//!
//! Next on the tour: [`crate::rng`].

use core::iter::once;

use abi::GuestPhys;
use abi::device_page::{DESC_WRITE, TYPE_BLOCK};

use crate::device_window::DeviceWindow;
use crate::driver;
use crate::frames::Frame;
use crate::pci;
use crate::virtqueue::{Lent, Virtqueue};

/// Bytes of a sector.
pub const SECTOR: u32 = 512;
/// Type of request: from the disk.
pub const IN: u32 = 0;
/// Type of request: to the disk.
pub const OUT: u32 = 1;
/// Type of request: see that all is written.
pub const FLUSH: u32 = 4;
/// Type of request: the disk's name, 20 bytes.
pub const GET_ID: u32 = 8;

/// Status: as asked.
pub const OK: u8 = 0;

/// Feature: the disk cannot be written.
const RO: u32 = 1 << 5;
/// Offset of the status in the frame of the header.
const STATUS: u32 = 16;
/// What the status is until there is one.
const UNANSWERED: u32 = 0xFF;

/// Why a queue cannot be out of reach: the window is the one it came with.
const RING_IS_THERE: &str = "the rings lie in the window";

/// A disk.
pub struct Disk {
    /// The memory its queue is in.
    pub window: DeviceWindow,
    /// Its queue.
    pub queue: Virtqueue,
    /// How many sectors it has.
    pub sectors: u64,
    /// It cannot be written.
    pub is_read_only: bool,
    /// The line it interrupts on.
    pub irq: u8,
    header: Frame,
}

/// What the device says to a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answer {
    /// How it went.
    pub status: u8,
    /// Bytes the device says that it wrote, the status among them.
    pub written: u32,
}

impl Disk {
    /// Starts disk number `number`, from 0, accepting what is offered of `features`.
    pub fn start(number: usize, features: u32) -> Option<Self> {
        let started = driver::start::<1, 8>(TYPE_BLOCK, number, (features | RO).into())?;
        let [queue] = started.queues;
        Some(Self {
            window: started.window,
            queue: Virtqueue::new(queue),
            sectors: u64::from_le_bytes(started.config),
            is_read_only: started.offered & u64::from(RO) != 0,
            irq: queue.irq,
            header: Frame::alloc(),
        })
    }

    /// The buffers of a request: header, data, status.
    pub fn lend<T: Iterator<Item = Lent>>(
        &self,
        kind: u32,
        sector: u64,
        data: T,
    ) -> impl Iterator<Item = Lent> + use<T> {
        let words = [kind, 0, sector as u32, (sector >> 32) as u32, UNANSWERED];
        (0..).step_by(4).zip(words).for_each(|(offset, word)| self.header.write(offset, word));
        let at = self.header.phys();
        let status = Lent { at: GuestPhys(at.0 + STATUS), len: 1, flags: DESC_WRITE };
        once(Lent { at, len: STATUS, flags: 0 }).chain(data).chain(once(status))
    }

    /// Makes a request and waits for its end.
    pub fn request(&mut self, kind: u32, sector: u64, data: impl Iterator<Item = Lent>) -> Answer {
        let buffers = self.lend(kind, sector, data);
        self.queue.offer_chain(&mut self.window, 0, buffers).expect(RING_IS_THERE);
        self.finish()
    }

    /// Kicks, and waits for the chain that is on offer.
    pub fn finish(&mut self) -> Answer {
        pci::kick(self.queue.queue());
        loop {
            if let Some(used) = self.queue.take_used(&self.window).expect(RING_IS_THERE) {
                return Answer { status: self.status(), written: used.len };
            }
            core::hint::spin_loop();
        }
    }

    /// The last request's status, as far as it has one.
    pub fn status(&self) -> u8 {
        self.header.byte(STATUS)
    }

    /// Reads `len` bytes from `sector` on into frames, whole ones but the last.
    pub fn read(&mut self, sector: u64, len: u32, into: &[Frame]) -> Answer {
        self.request(IN, sector, pieces(into, len, DESC_WRITE))
    }

    /// Writes `len` bytes to `sector` and on, out of frames.
    pub fn write(&mut self, sector: u64, len: u32, from: &[Frame]) -> Answer {
        self.request(OUT, sector, pieces(from, len, 0))
    }
}

/// The first `len` bytes of frames.
pub fn pieces(frames: &[Frame], len: u32, flags: u16) -> impl Iterator<Item = Lent> {
    let starts = (0..len).step_by(crate::PAGE_SIZE as usize);
    frames.iter().zip(starts).map(move |(frame, start)| Lent {
        at: frame.phys(),
        len: (len - start).min(crate::PAGE_SIZE),
        flags,
    })
}
