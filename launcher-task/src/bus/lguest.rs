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
//! When a driver notes down which features it accepts depends on its year:
//!
//! ```text
//!  2.6.25       one by one as it asks for them   status written silently
//!  2.6.26-30    after its probe                  NOTIFY at 1, 3, 7
//!  2.6.31-39    before its probe                 NOTIFY at 1, 3, 7
//!  3.1-3.19     before its probe                 NOTIFY at 3, silent at 7
//! ```
//!
//! and each may kick in its probe. One rule serves all: they are read at each
//! kick and status event, until the driver was seen to be ready.
//!
//! Invariants:
//! - The order above (`notify_is_resolved_in_the_abis_order`).
//! - What a Guest writes over its descriptors changes nothing but its own view
//!   (`a_scribbled_device_page_misleads_only_the_guest`).
//! - A reset leaves ring, features and status at zero
//!   (`status_zero_resets_the_device`).
//! - Features are in force when a driver of any year first relies on them, and
//!   final when it is ready (`features_are_in_force_whatever_the_year`).
//!
//! Source: lguest ABI, "NOTIFY argument" and "Status protocol".
//!
//! Next on the tour: [`crate::device_page`].

use alloc::{boxed::Box, vec::Vec};

use abi::device_page::{QUEUE_ENTRIES, STATUS, STATUS_DRIVER_OK, STATUS_FAILED, ring_len};
use abi::hypercall::IRQ_LINES;
use abi::{GuestMemory, GuestPhys, GuestResult, KillReason, PAGE_SIZE, device_page::DEVICE_PAGES};

use super::{Bus, Heard, Irqs};
use crate::{
    device::Device,
    device_page::{accepted_features, descriptor_len, write_descriptor},
    port::{Console, Ports},
    slot::Slot,
    virtqueue::{EVENT_IDX, INDIRECT_DESC, NOTIFY_ON_EMPTY, Rings},
};

/// Features of this bus and its rings, offered with every device.
const BUS_FEATURES: u64 = NOTIFY_ON_EMPTY | INDIRECT_DESC | EVENT_IDX;

/// Longest text of the early console; Linux sends 16 bytes at a time.
pub const EARLY_TEXT_MAX: u32 = 1024;
/// Bytes of it copied at a time.
const COPY_LEN: u32 = 64;

/// All devices of one Guest.
pub struct LguestBus<'a> {
    places: Vec<Place<'a>>,
}

/// A device and where it is.
struct Place<'a> {
    at: GuestPhys,
    accepted: GuestPhys,
    slot: Slot<'a>,
    lines: Vec<Line>,
    /// The driver was ready when we last looked: what it had accepted then is final.
    is_ready: bool,
}

/// A queue's ring, which a kick names, and its interrupt line.
#[derive(Clone, Copy)]
struct Line {
    ring: GuestPhys,
    irq: u8,
}

impl<'a> LguestBus<'a> {
    /// Gives each device its place on the page at `page` and after it.
    ///
    /// # Panics
    /// If they do not fit the device pages or the interrupt lines: the Launcher has made them, and
    /// a Guest has no say in it.
    pub fn new(devices: Vec<Box<dyn Device + 'a>>, page: GuestPhys) -> Self {
        let (mut at, mut ring, mut irq) = (page.0, page.0 + PAGE_SIZE, 1);
        let mut places = Vec::with_capacity(devices.len());
        for device in devices {
            let shape = device.shape();
            let mut lines = Vec::new();
            for _ in 0..shape.queues {
                lines.push(Line { ring: GuestPhys(ring), irq });
                ring += ring_len(QUEUE_ENTRIES);
                irq += 1;
            }
            let (place, accepted) = (GuestPhys(at), accepted_features(&shape, GuestPhys(at)));
            at += descriptor_len(&shape);
            let slot = Slot::new(device, BUS_FEATURES);
            places.push(Place { at: place, accepted, slot, lines, is_ready: false });
        }
        assert!(at < page.0 + PAGE_SIZE, "the descriptors leave room for the end of the list");
        assert!(ring <= page.0 + DEVICE_PAGES * PAGE_SIZE, "the rings fit the device pages");
        assert!(irq <= IRQ_LINES, "each queue has an interrupt line");
        Self { places }
    }
}

impl Bus for LguestBus<'_> {
    fn install(&mut self, memory: &mut dyn GuestMemory) -> GuestResult {
        for place in &mut self.places {
            let queues = place.lines.iter().map(|line| (line.irq, line.ring));
            let offered = place.slot.offered() as u32;
            write_descriptor(memory, place.at, &place.slot.shape(), offered, queues)?;
            place.slot.restart();
            place.reset(memory)?;
        }
        Ok(())
    }

    fn memory_len(&self) -> u32 {
        DEVICE_PAGES * PAGE_SIZE
    }

    fn notify(
        &mut self,
        at: GuestPhys,
        memory: &mut dyn GuestMemory,
        ports: &mut Ports<'_>,
    ) -> GuestResult<Heard> {
        if let Some(place) = self.places.iter_mut().find(|place| place.at == at) {
            return place.status_event(memory);
        }
        for place in &mut self.places {
            if let Some(index) = place.queue_in(at.page_base()) {
                let mut due = Irqs::default();
                place.negotiate(memory)?;
                if place.slot.serve(index, memory, ports)? {
                    due.add(place.lines[index].irq);
                }
                return Ok(Heard::Kicked(due));
            }
        }
        if at.0 >= memory.limit() {
            return Err(KillReason::UnknownNotify { at });
        }
        show_text(at, memory, ports.console)?;
        Ok(Heard::Text)
    }

    fn serve(&mut self, memory: &mut dyn GuestMemory, ports: &mut Ports<'_>) -> GuestResult<Irqs> {
        let mut due = Irqs::default();
        for place in &mut self.places {
            place.slot.go_on(memory, ports, |index| due.add(place.lines[index].irq))?;
        }
        Ok(due)
    }

    fn is_busy(&self) -> bool {
        self.places.iter().any(|place| place.slot.is_busy())
    }

    fn yields(&self) -> bool {
        self.places.iter().any(|place| place.slot.yields())
    }

    fn show(&self, look: &mut dyn FnMut(&Slot<'_>)) {
        self.places.iter().for_each(|place| look(&place.slot));
    }
}

impl Place<'_> {
    fn queue_in(&self, page: GuestPhys) -> Option<usize> {
        self.lines.iter().position(|line| line.ring == page)
    }

    /// Looks which features the driver has accepted, until they are final. It notes them down when
    /// it likes, as its year has it, but before it relies on them, and it is ready only after that.
    fn negotiate(&mut self, memory: &dyn GuestMemory) -> GuestResult {
        if !self.is_ready {
            self.is_ready = self.status(memory)? & STATUS_DRIVER_OK != 0;
            self.slot.accept(memory.read_u32(self.accepted)?.into());
        }
        Ok(())
    }

    fn status(&self, memory: &dyn GuestMemory) -> GuestResult<u8> {
        memory.read_u8(GuestPhys(self.at.0 + STATUS))
    }

    /// Kernels before 2.6.26 ask for a reset without writing the 0, but their status is 0 then.
    fn status_event(&mut self, memory: &mut dyn GuestMemory) -> GuestResult<Heard> {
        let status = self.status(memory)?;
        if status == 0 {
            self.reset(memory)?;
            return Ok(Heard::Reset);
        }
        self.negotiate(memory)?;
        let has_failed = status & STATUS_FAILED != 0;
        Ok(if has_failed { Heard::Failed(self.slot.shape().name) } else { Heard::Status(status) })
    }

    fn reset(&mut self, memory: &mut dyn GuestMemory) -> GuestResult {
        self.slot.reset();
        self.is_ready = false;
        for (index, line) in self.lines.iter().enumerate() {
            memory.zero(line.ring, ring_len(QUEUE_ENTRIES))?;
            self.slot.set_rings(index, Rings::in_one_run(line.ring));
        }
        memory.write_u32(self.accepted, 0)
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
