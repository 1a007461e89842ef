//! The lguest bus: which device a Guest means when it notifies.
//!
//! There is one way to speak to a device: the hypercall NOTIFY with an
//! address. What the address is decides what was meant, in this order:
//!
//! ```text
//!  a device's descriptor    its status has changed         Reset, Status, Failed
//!  in a ring's first page   that queue has been kicked     Kicked
//!  any other memory         text from an early console     Text
//!  no memory                the Guest is killed            UnknownNotify
//! ```
//!
//! Descriptors are packed into the device page and rings follow it, three
//! pages each; the queues' interrupt lines are 1, 2, ... in the same order.
//! The record of all that is kept here, out of the Guest's reach.
//!
//! Invariants:
//! - The order above (`notify_is_resolved_in_the_abis_order`).
//! - What a Guest writes over its descriptors changes nothing but its own view
//!   (`a_scribbled_device_page_misleads_only_the_guest`).
//! - A reset leaves ring, features and status at zero
//!   (`status_zero_resets_the_device`).
//!
//! Source: lguest ABI, "NOTIFY argument" and "Status protocol".
//!
//! Next on the tour: [`crate::device_page`].

use alloc::{boxed::Box, vec::Vec};
use core::ops::Range;

use abi::device_page::{QUEUE_ENTRIES, STATUS, STATUS_FAILED, ring_len};
use abi::hypercall::IRQ_LINES;
use abi::{GuestMemory, GuestPhys, GuestResult, KillReason, PAGE_SIZE, device_page::DEVICE_PAGES};

use crate::{
    device::{Device, Progress},
    device_page::{accepted_features, descriptor_len, write_descriptor},
    port::{Console, Ports},
    virtqueue::Virtqueue,
};

/// Longest text of the early console; Linux sends 16 bytes at a time.
pub const EARLY_TEXT_MAX: u32 = 1024;
/// Bytes of it copied at a time.
const COPY_LEN: u32 = 64;

/// All devices of one Guest.
pub struct Bus {
    slots: Vec<Slot>,
}

/// A device and where it is.
struct Slot {
    at: GuestPhys,
    accepted: Range<u32>,
    device: Box<dyn Device>,
    queues: Vec<Line>,
}

/// A queue with its interrupt line.
struct Line {
    queue: Virtqueue,
    irq: u8,
    progress: Progress,
}

/// What a NOTIFY turned out to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Notified {
    /// The Guest wanted this device reset, and it has been.
    Reset,
    /// A driver has got on with setting up its device.
    Status(u8),
    /// The Guest has given up on the device of this name.
    Failed(&'static str),
    /// A queue was kicked and served; these interrupts are due.
    Kicked(Irqs),
    /// Text from before the console works; it has been shown.
    Text,
}

/// A set of interrupt lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Irqs(u32);

impl Irqs {
    /// Adds a line, `0..32`.
    pub const fn add(&mut self, irq: u8) {
        self.0 |= 1 << irq;
    }
}

/// The lines, lowest first.
impl Iterator for Irqs {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let irq = (self.0 != 0).then(|| self.0.trailing_zeros() as u8)?;
        self.0 &= self.0 - 1;
        Some(irq)
    }
}

impl Bus {
    /// Gives each device its place on the page at `page` and after it.
    ///
    /// # Panics
    /// If they do not fit the device pages or the interrupt lines: the Launcher has made them, and
    /// a Guest has no say in it.
    pub fn new(devices: Vec<Box<dyn Device>>, page: GuestPhys) -> Self {
        let (mut at, mut ring, mut irq) = (page.0, page.0 + PAGE_SIZE, 1);
        let mut slots = Vec::with_capacity(devices.len());
        for device in devices {
            let shape = device.shape();
            let mut queues = Vec::new();
            for _ in 0..shape.queues {
                queues.push(Line { queue: Virtqueue::new(GuestPhys(ring)), irq, progress: Progress::Idle });
                ring += ring_len(QUEUE_ENTRIES);
                irq += 1;
            }
            let (place, accepted) = (GuestPhys(at), accepted_features(&shape, GuestPhys(at)));
            at += descriptor_len(&shape);
            slots.push(Slot { at: place, accepted, device, queues });
        }
        assert!(at < page.0 + PAGE_SIZE, "the descriptors leave room for the end of the list");
        assert!(ring <= page.0 + DEVICE_PAGES * PAGE_SIZE, "the rings fit the device pages");
        assert!(irq <= IRQ_LINES, "each queue has an interrupt line");
        Self { slots }
    }

    /// Writes the device page and puts every device into its first state; memory is zero before.
    ///
    /// # Errors
    /// [`KillReason::OutOfGuestMemory`] if `memory` has no device pages.
    pub fn install(&mut self, memory: &mut dyn GuestMemory) -> GuestResult {
        for slot in &mut self.slots {
            let queues = slot.queues.iter().map(|line| (line.irq, line.queue.page()));
            write_descriptor(memory, slot.at, &slot.device.shape(), queues)?;
            slot.reset(memory)?;
        }
        Ok(())
    }

    /// Does what a Guest wants that has notified `at`.
    ///
    /// # Errors
    /// [`KillReason::UnknownNotify`] if it is not in memory, or what a device finds wrong.
    pub fn notify(
        &mut self,
        at: GuestPhys,
        memory: &mut dyn GuestMemory,
        ports: &mut Ports<'_>,
    ) -> GuestResult<Notified> {
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.at == at) {
            return slot.status_event(memory);
        }
        for slot in &mut self.slots {
            if let Some(index) = slot.queue_in(at.page_base()) {
                let mut due = Irqs::default();
                slot.serve(index, memory, ports, &mut due)?;
                return Ok(Notified::Kicked(due));
            }
        }
        if at.0 >= memory.limit() {
            return Err(KillReason::UnknownNotify { at });
        }
        show_text(at, memory, ports.console)?;
        Ok(Notified::Text)
    }

    /// Goes on with whatever is not idle, and returns the interrupts that are due.
    ///
    /// # Errors
    /// What a device finds wrong.
    pub fn serve(&mut self, memory: &mut dyn GuestMemory, ports: &mut Ports<'_>) -> GuestResult<Irqs> {
        let mut due = Irqs::default();
        for slot in &mut self.slots {
            for index in 0..slot.queues.len() {
                if slot.queues[index].progress != Progress::Idle {
                    slot.serve(index, memory, ports, &mut due)?;
                }
            }
        }
        Ok(due)
    }

    /// Tells whether something must be finished before the Guest goes on.
    pub fn is_busy(&self) -> bool {
        self.slots.iter().flat_map(|slot| &slot.queues).any(|line| line.progress == Progress::Busy)
    }
}

impl Slot {
    fn queue_in(&self, page: GuestPhys) -> Option<usize> {
        self.queues.iter().position(|line| line.queue.page() == page)
    }

    fn serve(
        &mut self,
        index: usize,
        memory: &mut dyn GuestMemory,
        ports: &mut Ports<'_>,
        due: &mut Irqs,
    ) -> GuestResult {
        let line = &mut self.queues[index];
        line.progress = self.device.serve(index, &mut line.queue, memory, ports)?;
        if line.queue.take_interrupt(memory)? {
            due.add(line.irq);
        }
        Ok(())
    }

    /// Kernels before 2.6.26 ask for a reset without writing the 0, but their status is 0 then.
    fn status_event(&mut self, memory: &mut dyn GuestMemory) -> GuestResult<Notified> {
        let status = memory.read_u8(GuestPhys(self.at.0 + STATUS))?;
        if status == 0 {
            self.reset(memory)?;
            return Ok(Notified::Reset);
        }
        let has_failed = status & STATUS_FAILED != 0;
        Ok(if has_failed { Notified::Failed(self.device.shape().name) } else { Notified::Status(status) })
    }

    fn reset(&mut self, memory: &mut dyn GuestMemory) -> GuestResult {
        self.device.reset();
        for line in &mut self.queues {
            line.queue.reset(memory)?;
            line.progress = Progress::Idle;
        }
        memory.zero(GuestPhys(self.accepted.start), self.accepted.end - self.accepted.start)
    }
}

/// Shows the text at `at`, up to its NUL, the end of memory or [`EARLY_TEXT_MAX`].
fn show_text(at: GuestPhys, memory: &dyn GuestMemory, console: &mut dyn Console) -> GuestResult {
    let end = memory.limit().min(at.0.saturating_add(EARLY_TEXT_MAX));
    let mut bytes = [0; COPY_LEN as usize];
    let mut next = at.0;
    while next < end {
        let part = &mut bytes[..COPY_LEN.min(end - next) as usize];
        memory.read_into(GuestPhys(next), part)?;
        let text = part.split(|&byte| byte == 0).next().unwrap_or(&[]);
        console.write(text);
        if text.len() < part.len() {
            break;
        }
        next += COPY_LEN;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
