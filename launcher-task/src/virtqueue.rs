//! A virtqueue: the ring of buffers between a Guest's driver and a device.
//!
//! The Guest fills in descriptors, links them into chains and publishes each
//! chain's head in the available ring; the device takes them from there and
//! gives each back through the used ring with the number of bytes it wrote.
//! The three parts lie where the bus says ([`Rings`]); this is what is in them:
//!
//! ```text
//!  descriptors   n x { address:u64 length:u32 flags:u16 next:u16 }
//!  available     flags:u16 index:u16 head:u16[n]     used_event:u16     the Guest's
//!  used          flags:u16 index:u16 {head,len}[n]   avail_event:u16    the device's
//! ```
//!
//! How each side spares the other the notifications it does not need depends on
//! what was negotiated: by a flag that says "none", or with EVENT_IDX by the
//! index at which it wants the next. [`Virtqueue::settle`] ends each turn of a
//! device with both: it asks for the next kick and says whether to interrupt.
//!
//! All of it is memory the Guest can write at any time it runs. It does *not*
//! run while its Launcher works: whoever holds `&mut dyn GuestMemory` holds
//! the Guest still. Nevertheless each item is read once, copied, and judged on
//! the copy. For the same reason the used index is written after the entry it
//! publishes.
//!
//! Invariants:
//! - Cursors are ours; what the Guest does to the used index is not looked at
//!   (`the_used_ring_is_never_read_back`).
//! - At most n chains are taken per published index, each of at most 256
//!   buffers, whether they are linked or in tables (`an_index_run_ahead_kills_the_guest`,
//!   `a_ring_that_loops_kills_the_guest`, `a_table_that_loops_kills_the_guest`).
//! - Any ring contents whatever give chains inside memory, or a [`RingError`]
//!   (`any_ring_gives_chains_or_a_reason`).
//!
//! Source: virtio 1.0, "Virtqueues"; lguest ABI, "Virtqueues".
//!
//! Next on the tour: [`crate::rings`].

use abi::{
    GuestMemory, GuestPhys, GuestResult,
    device_page::{AVAIL_NO_INTERRUPT, DESC_INDIRECT, DESC_NEXT, DESC_WRITE, USED_NO_NOTIFY},
    kill::RingError,
    memory::check_range,
};

use crate::chain::{Buffer, Chain, Direction};

pub use crate::rings::Rings;
use crate::rings::{DESCRIPTOR_LEN, ENTRIES, FLAGS, INDEX};

/// Feature: an interrupt is due whenever the available ring has run empty, wanted or not.
pub const NOTIFY_ON_EMPTY: u64 = 1 << 24;
/// Feature: a descriptor may stand for a table of descriptors.
pub const INDIRECT_DESC: u64 = 1 << 28;
/// Feature: each side says at which index it wants to be notified next.
pub const EVENT_IDX: u64 = 1 << 29;

/// The device's side of one virtqueue. The default has no rings, and so nothing in them.
#[derive(Debug, Default)]
pub struct Virtqueue {
    rings: Rings,
    /// Features the driver has accepted, the rings' among them.
    features: u64,
    /// Chains taken so far, modulo 2^16, like the index the Guest publishes.
    taken: u16,
    /// Chains given back so far, modulo 2^16: the index we publish.
    given_back: u16,
    /// Of these, how many the Guest has been, or need not be, interrupted for.
    settled: u16,
    /// The device looks for chains by itself.
    refuses_kicks: bool,
}

/// Descriptors that link to each other: the queue's own, or an indirect table of the Guest's.
#[derive(Clone, Copy)]
struct Table {
    at: GuestPhys,
    len: u32,
    is_indirect: bool,
}

/// A descriptor as it stands in the ring.
struct Descriptor {
    address: u64,
    len: u32,
    flags: u16,
    next: u16,
}

impl Virtqueue {
    /// A queue in `rings` that are all zero, of a driver that has accepted `features` so far.
    pub fn new(rings: Rings, features: u64) -> Self {
        Self { rings, features, ..Self::default() }
    }

    /// Tells whether it has any.
    pub const fn has_rings(&self) -> bool {
        self.rings.size > 0
    }

    /// Chains it can hold.
    pub const fn size(&self) -> u16 {
        self.rings.size
    }

    /// Chains given back so far, modulo 2^16.
    pub(crate) const fn given_back(&self) -> u16 {
        self.given_back
    }

    /// Puts the chains that were taken last back, as if they had not been.
    pub(crate) const fn put_back(&mut self, count: u16) {
        self.taken = self.taken.wrapping_sub(count);
    }

    /// Goes by these features from now on.
    pub const fn accept(&mut self, features: u64) {
        self.features = features;
    }

    const fn has(&self, feature: u64) -> bool {
        self.features & feature != 0
    }

    /// Takes the next chain the Guest has made available into `chain`; `false` if there is none.
    ///
    /// # Errors
    /// A [`RingError`] if the Guest broke the rules of rings, or
    /// [`abi::KillReason::OutOfGuestMemory`] for a buffer that is not in memory.
    pub fn pop(&mut self, memory: &dyn GuestMemory, chain: &mut Chain) -> GuestResult<bool> {
        let published = memory.read_u16(self.rings.available(INDEX))?;
        let waiting = published.wrapping_sub(self.taken);
        if waiting == 0 {
            return Ok(false);
        }
        if waiting > self.rings.size {
            return Err(RingError::Overrun { index: published }.into());
        }
        let place = u32::from(self.taken % self.rings.size);
        let head = memory.read_u16(self.rings.available(ENTRIES + 2 * place))?;
        self.copy_chain(memory, head, chain)?;
        self.taken = self.taken.wrapping_add(1);
        Ok(true)
    }

    /// Copies the descriptors from `head` on, and those of a table in the last one's place. The
    /// chain's capacity is the bound of the walk.
    fn copy_chain(&self, memory: &dyn GuestMemory, head: u16, chain: &mut Chain) -> GuestResult {
        chain.open(head);
        let mut table = Table { at: self.rings.descriptors, len: self.rings.size.into(), is_indirect: false };
        let mut next = Some(head);
        while let Some(index) = next {
            let descriptor = table.descriptor(memory, index)?;
            if descriptor.flags & DESC_INDIRECT != 0 {
                table = self.enter(&table, index, &descriptor, memory.limit())?;
                next = Some(0);
                continue;
            }
            chain.push(descriptor.admit(index, memory.limit())?)?;
            next = (descriptor.flags & DESC_NEXT != 0).then_some(descriptor.next);
        }
        Ok(())
    }

    /// The table that descriptor `index` of `outer` stands for.
    fn enter(&self, outer: &Table, index: u16, descriptor: &Descriptor, limit: u32) -> GuestResult<Table> {
        if !self.has(INDIRECT_DESC) {
            return Err(RingError::Indirect { index }.into());
        }
        if outer.is_indirect || descriptor.flags & DESC_NEXT != 0 {
            return Err(RingError::Nested { index }.into());
        }
        let len = descriptor.len;
        if len == 0 || !len.is_multiple_of(DESCRIPTOR_LEN) {
            return Err(RingError::Table { index, len }.into());
        }
        let place = descriptor.admit(index, limit)?;
        Ok(Table { at: place.at, len: len / DESCRIPTOR_LEN, is_indirect: true })
    }

    /// Gives `chain` back with the number of bytes the device wrote into it.
    ///
    /// # Errors
    /// [`abi::KillReason::OutOfGuestMemory`] if the ring is not in memory.
    pub fn give_back(
        &mut self,
        memory: &mut dyn GuestMemory,
        chain: &mut Chain,
        written: u32,
    ) -> GuestResult {
        let head = chain.close().expect("only an open chain is given back");
        self.give_back_head(memory, head, written)
    }

    /// Gives the chain back that began at `head`.
    ///
    /// # Errors
    /// [`abi::KillReason::OutOfGuestMemory`] if the ring is not in memory.
    pub(crate) fn give_back_head(
        &mut self,
        memory: &mut dyn GuestMemory,
        head: u16,
        written: u32,
    ) -> GuestResult {
        let place = u32::from(self.given_back % self.rings.size);
        let mut entry = [0; 8];
        entry[..2].copy_from_slice(&head.to_le_bytes());
        entry[4..].copy_from_slice(&written.to_le_bytes());
        memory.write_from(self.rings.used(ENTRIES + 8 * place), &entry)?;
        self.given_back = self.given_back.wrapping_add(1);
        memory.write_u16(self.rings.used(INDEX), self.given_back)
    }

    /// Tells the Guest whether it should kick when it makes chains available. It should, unless a
    /// device looks by itself.
    ///
    /// # Errors
    /// [`abi::KillReason::OutOfGuestMemory`] if the ring is not in memory.
    pub fn want_kicks(&mut self, memory: &mut dyn GuestMemory, wanted: bool) -> GuestResult {
        if wanted != self.refuses_kicks {
            return Ok(());
        }
        self.refuses_kicks = !wanted;
        memory.write_u16(self.rings.used(FLAGS), if wanted { 0 } else { USED_NO_NOTIFY })
    }

    /// Ends the device's turn: asks for a kick at the next chain if kicks are wanted, and tells,
    /// once, whether the Guest should be interrupted for what was given back.
    ///
    /// # Errors
    /// [`abi::KillReason::OutOfGuestMemory`] if the ring is not in memory.
    pub fn settle(&mut self, memory: &mut dyn GuestMemory) -> GuestResult<bool> {
        if self.has(EVENT_IDX) && !self.refuses_kicks {
            memory.write_u16(self.rings.avail_event(), self.taken)?;
        }
        let before = core::mem::replace(&mut self.settled, self.given_back);
        if before == self.given_back {
            return Ok(false);
        }
        if self.has(NOTIFY_ON_EMPTY) && memory.read_u16(self.rings.available(INDEX))? == self.taken {
            return Ok(true);
        }
        if self.has(EVENT_IDX) {
            let event = memory.read_u16(self.rings.used_event())?;
            return Ok(has_passed(event, before, self.given_back));
        }
        Ok(memory.read_u16(self.rings.available(FLAGS))? & AVAIL_NO_INTERRUPT == 0)
    }
}

/// Tells whether an index that went from `before` to `now` has moved past `event`, modulo 2^16.
const fn has_passed(event: u16, before: u16, now: u16) -> bool {
    now.wrapping_sub(event).wrapping_sub(1) < now.wrapping_sub(before)
}

impl Table {
    fn descriptor(&self, memory: &dyn GuestMemory, index: u16) -> GuestResult<Descriptor> {
        if u32::from(index) >= self.len {
            return Err(RingError::Index { index }.into());
        }
        let mut bytes = [0; DESCRIPTOR_LEN as usize];
        memory.read_into(GuestPhys(self.at.0 + u32::from(index) * DESCRIPTOR_LEN), &mut bytes)?;
        Ok(Descriptor::from_wire(bytes))
    }
}

impl Descriptor {
    fn from_wire(bytes: [u8; DESCRIPTOR_LEN as usize]) -> Self {
        let [a, b, c, d, e, f, g, h, len @ .., flags0, flags1, next0, next1] = bytes;
        Self {
            address: u64::from_le_bytes([a, b, c, d, e, f, g, h]),
            len: u32::from_le_bytes(len),
            flags: u16::from_le_bytes([flags0, flags1]),
            next: u16::from_le_bytes([next0, next1]),
        }
    }

    /// Judges the bytes descriptor `index` points at against a memory of `limit` bytes.
    fn admit(&self, index: u16, limit: u32) -> GuestResult<Buffer> {
        let at = u32::try_from(self.address).map_err(|_| RingError::HighAddress { index })?;
        check_range(GuestPhys(at), self.len as usize, limit)?;
        let is_writable = self.flags & DESC_WRITE != 0;
        let direction = if is_writable { Direction::Writable } else { Direction::Readable };
        Ok(Buffer { at: GuestPhys(at), len: self.len, direction })
    }
}

#[cfg(test)]
mod tests;
