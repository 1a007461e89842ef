//! The driver's side of a virtqueue.
//!
//! The driver writes a descriptor, puts its number into the available ring and
//! raises the index; the device answers in the used ring. A chain takes one
//! descriptor after the other; who lends several keeps their numbers apart.
//!
//! ```text
//!   at                 +16*n               4096-aligned
//!   | descriptors      | available         | used
//!   | at:u64 len flags | flags idx ring[n] | flags idx {id len}[n]
//! ```
//!
//! Invariants: `a_buffer_goes_out_and_comes_back`,
//! `a_chain_is_linked_to_its_end`, `the_indices_run_past_the_size_of_the_queue`.
//!
//! Source: Virtio 1.0, 2.4 "Virtqueues" and 2.4.2 "Legacy Interfaces";
//! lguest ABI, "Virtqueues".
//!
//! Next on the tour: [`crate::device_window`].

use core::sync::atomic::{Ordering, fence};

use abi::device_page::{AVAIL_NO_INTERRUPT, DESC_NEXT, USED_NO_NOTIFY, avail_offset, used_offset};
use abi::{GuestMemory, GuestPhys, GuestResult};

use crate::devices::Queue;

/// Offset of `idx` in either ring.
const INDEX: u32 = 2;
/// Offset of the first element in either ring.
const ELEMENTS: u32 = 4;

/// A queue and how far both sides have come.
#[derive(Debug)]
pub struct Virtqueue {
    queue: Queue,
    offered: u16,
    taken: u16,
}

/// A buffer lent to the device: some bytes and what it may do with them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lent {
    /// Its first byte.
    pub at: GuestPhys,
    /// Its bytes.
    pub len: u32,
    /// `DESC_*` flags; which buffer is the last needs no saying.
    pub flags: u16,
}

/// What the device gave back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Used {
    /// The descriptor's number.
    pub id: u32,
    /// Bytes the device wrote.
    pub len: u32,
}

impl Virtqueue {
    /// A queue just reset: both rings at zero.
    pub const fn new(queue: Queue) -> Self {
        Self { queue, offered: 0, taken: 0 }
    }

    /// What to name when kicking it.
    pub const fn at(&self) -> GuestPhys {
        self.queue.at
    }

    /// What it is like, and so how to kick it.
    pub const fn queue(&self) -> &Queue {
        &self.queue
    }

    /// Lends `len` bytes at `buffer` to the device through descriptor `id`.
    ///
    /// # Errors
    /// If the queue does not lie in `mem`.
    pub fn offer(
        &mut self,
        mem: &mut (impl GuestMemory + ?Sized),
        id: u16,
        buffer: GuestPhys,
        len: u32,
        flags: u16,
    ) -> GuestResult {
        self.describe(mem, id, buffer, len, flags.into())?;
        self.publish(mem, id)
    }

    /// Lends a chain of buffers through the descriptors from `first` on.
    ///
    /// # Errors
    /// If the queue does not lie in `mem`.
    pub fn offer_chain(
        &mut self,
        mem: &mut (impl GuestMemory + ?Sized),
        first: u16,
        buffers: impl Iterator<Item = Lent>,
    ) -> GuestResult {
        let mut buffers = buffers.peekable();
        for id in first.. {
            let Some(lent) = buffers.next() else { break };
            let is_last = buffers.peek().is_none();
            let link = if is_last { 0 } else { u32::from(DESC_NEXT) | u32::from(id + 1) << 16 };
            self.describe(mem, id, lent.at, lent.len, u32::from(lent.flags) | link)?;
        }
        self.publish(mem, first)
    }

    /// Fills descriptor `id` in; `link` is its flags and, in the upper half, the number of the one
    /// that follows.
    ///
    /// # Errors
    /// If the queue does not lie in `mem`.
    pub fn describe(
        &mut self,
        mem: &mut (impl GuestMemory + ?Sized),
        id: u16,
        buffer: GuestPhys,
        len: u32,
        link: u32,
    ) -> GuestResult {
        let descriptor = self.offset(16 * u32::from(id));
        mem.write_u32(descriptor, buffer.0)?;
        mem.write_u32(GuestPhys(descriptor.0 + 4), 0)?;
        mem.write_u32(GuestPhys(descriptor.0 + 8), len)?;
        mem.write_u32(GuestPhys(descriptor.0 + 12), link)
    }

    /// Makes the chain that begins with descriptor `id` available.
    ///
    /// # Errors
    /// If the queue does not lie in `mem`.
    pub fn publish(&mut self, mem: &mut (impl GuestMemory + ?Sized), id: u16) -> GuestResult {
        let slot = u32::from(self.offered % self.queue.entries);
        let available = avail_offset(self.queue.entries);
        mem.write_u16(self.offset(available + ELEMENTS + 2 * slot), id)?;
        fence(Ordering::Release); // the device must find the slot filled when it sees the index
        self.offered = self.offered.wrapping_add(1);
        mem.write_u16(self.offset(available + INDEX), self.offered)
    }

    /// Whether the device asks to be kicked for what was made available.
    ///
    /// # Errors
    /// If the queue does not lie in `mem`.
    pub fn wants_kicks(&self, mem: &(impl GuestMemory + ?Sized)) -> GuestResult<bool> {
        fence(Ordering::SeqCst); // and not before it can see it
        Ok(mem.read_u16(self.offset(used_offset(self.queue.entries)))? & USED_NO_NOTIFY == 0)
    }

    /// Says at which used index the next interrupt is wanted; for who has accepted EVENT_IDX.
    ///
    /// # Errors
    /// If the queue does not lie in `mem`.
    pub fn interrupt_at(&mut self, mem: &mut (impl GuestMemory + ?Sized), index: u16) -> GuestResult {
        let available = avail_offset(self.queue.entries);
        mem.write_u16(self.offset(available + ELEMENTS + 2 * u32::from(self.queue.entries)), index)
    }

    /// At which available index the device wants to be kicked next; for who has accepted EVENT_IDX.
    ///
    /// # Errors
    /// If the queue does not lie in `mem`.
    pub fn kick_at(&self, mem: &(impl GuestMemory + ?Sized)) -> GuestResult<u16> {
        let used = used_offset(self.queue.entries);
        mem.read_u16(self.offset(used + ELEMENTS + 8 * u32::from(self.queue.entries)))
    }

    /// Tells the device to raise no interrupts for this queue: its owner looks for itself.
    ///
    /// # Errors
    /// If the queue does not lie in `mem`.
    pub fn poll(&mut self, mem: &mut (impl GuestMemory + ?Sized)) -> GuestResult {
        mem.write_u16(self.offset(avail_offset(self.queue.entries)), AVAIL_NO_INTERRUPT)
    }

    /// The next buffer the device is done with.
    ///
    /// # Errors
    /// If the queue does not lie in `mem`.
    pub fn take_used(&mut self, mem: &(impl GuestMemory + ?Sized)) -> GuestResult<Option<Used>> {
        let used = used_offset(self.queue.entries);
        if mem.read_u16(self.offset(used + INDEX))? == self.taken {
            return Ok(None);
        }
        fence(Ordering::Acquire); // and only then read what the index announced
        let slot = u32::from(self.taken % self.queue.entries);
        let element = self.offset(used + ELEMENTS + 8 * slot);
        self.taken = self.taken.wrapping_add(1);
        Ok(Some(Used { id: mem.read_u32(element)?, len: mem.read_u32(GuestPhys(element.0 + 4))? }))
    }

    const fn offset(&self, offset: u32) -> GuestPhys {
        GuestPhys(self.queue.at.0 + offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devices::Bell;
    use abi::device_page::{DESC_WRITE, ring_len};

    const QUEUE: Queue = Queue { entries: 4, irq: 1, at: GuestPhys(0), bell: Bell::Notify };

    /// A device that gives back whatever it finds, as if it had written `len` bytes.
    fn answer(ram: &mut [u8], len: u32) {
        let (available, used) = (avail_offset(4), used_offset(4));
        let done = ram.read_u16(GuestPhys(used + INDEX)).unwrap();
        let slot = u32::from(done % 4);
        let id = ram.read_u16(GuestPhys(available + ELEMENTS + 2 * slot)).unwrap();
        ram.write_u32(GuestPhys(used + ELEMENTS + 8 * slot), id.into()).unwrap();
        ram.write_u32(GuestPhys(used + ELEMENTS + 8 * slot + 4), len).unwrap();
        ram.write_u16(GuestPhys(used + INDEX), done.wrapping_add(1)).unwrap();
    }

    fn ram() -> Vec<u8> {
        vec![0; ring_len(4) as usize]
    }

    #[test]
    fn a_buffer_goes_out_and_comes_back() {
        let mut ram = ram();
        let mut queue = Virtqueue::new(QUEUE);
        queue.offer(&mut *ram, 3, GuestPhys(0x5000), 64, DESC_WRITE).unwrap();
        assert_eq!(queue.take_used(&*ram), Ok(None));
        assert_eq!(ram.read_u32(GuestPhys(48)), Ok(0x5000));
        assert_eq!((ram.read_u32(GuestPhys(56)), ram.read_u32(GuestPhys(60))), (Ok(64), Ok(2)));
        answer(&mut ram, 7);
        assert_eq!(queue.take_used(&*ram), Ok(Some(Used { id: 3, len: 7 })));
        assert_eq!(queue.take_used(&*ram), Ok(None));
    }

    #[test]
    fn a_chain_is_linked_to_its_end() {
        let mut ram = ram();
        let mut queue = Virtqueue::new(QUEUE);
        let lent = [(16, 0), (512, DESC_WRITE), (1, DESC_WRITE)].map(|(len, flags)| Lent {
            at: GuestPhys(0x5000),
            len,
            flags,
        });
        queue.offer_chain(&mut *ram, 1, lent.into_iter()).unwrap();
        let link = |id: u32| (ram.read_u16(GuestPhys(16 * id + 12)), ram.read_u16(GuestPhys(16 * id + 14)));
        assert_eq!((link(1), link(2)), ((Ok(1), Ok(2)), (Ok(3), Ok(3))));
        assert_eq!(link(3).0, Ok(2), "the last one links nowhere");
        answer(&mut ram, 513);
        assert_eq!(queue.take_used(&*ram), Ok(Some(Used { id: 1, len: 513 })));
    }

    #[test]
    fn events_lie_behind_the_rings() {
        let mut ram = ram();
        let mut queue = Virtqueue::new(QUEUE);
        queue.interrupt_at(&mut *ram, 7).unwrap();
        assert_eq!(ram.read_u16(GuestPhys(avail_offset(4) + 4 + 2 * 4)), Ok(7));
        ram.write_u16(GuestPhys(used_offset(4) + 4 + 8 * 4), 9).unwrap();
        assert_eq!(queue.kick_at(&*ram), Ok(9));
    }

    #[test]
    fn the_indices_run_past_the_size_of_the_queue() {
        let mut ram = ram();
        let mut queue = Virtqueue::new(QUEUE);
        for round in 0..u32::from(u16::MAX) + 6 {
            let id = (round % 4) as u16;
            queue.offer(&mut *ram, id, GuestPhys(0), 1, 0).unwrap();
            answer(&mut ram, round);
            assert_eq!(queue.take_used(&*ram), Ok(Some(Used { id: id.into(), len: round })));
        }
    }

    #[test]
    fn a_polled_queue_says_so_and_works_as_before() {
        let mut ram = ram();
        let mut queue = Virtqueue::new(QUEUE);
        queue.poll(&mut *ram).unwrap();
        queue.offer(&mut *ram, 0, GuestPhys(0), 1, 0).unwrap();
        assert_eq!(ram.read_u16(GuestPhys(avail_offset(4))), Ok(AVAIL_NO_INTERRUPT));
        assert_eq!(ram.read_u16(GuestPhys(avail_offset(4) + INDEX)), Ok(1));
    }

    #[test]
    fn a_queue_outside_memory_is_an_error_not_a_crash() {
        let mut ram = ram();
        let mut queue = Virtqueue::new(Queue { at: GuestPhys(0x9000), ..QUEUE });
        assert!(queue.offer(&mut *ram, 0, GuestPhys(0), 1, 0).is_err());
        assert!(queue.take_used(&*ram).is_err());
    }
}
