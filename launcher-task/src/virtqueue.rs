//! A virtqueue: the ring of buffers between a Guest's driver and a device.
//!
//! The Guest fills in descriptors, links them into chains and publishes each
//! chain's head in the available ring; the device takes them from there and
//! gives each back through the used ring with the number of bytes it wrote.
//!
//! ```text
//!  ring + 0      descriptors   256 x { address:u64 length:u32 flags:u16 next:u16 }
//!  ring + 4096   available     flags:u16 index:u16 head:u16[256]     the Guest's
//!  ring + 8192   used          flags:u16 index:u16 {head,len}[256]   the device's
//! ```
//!
//! All of it is memory the Guest can write at any time it runs. It does *not*
//! run while its Launcher works: whoever holds `&mut dyn GuestMemory` holds
//! the Guest still. Nevertheless each item is read once, copied, and judged on
//! the copy, so the day a Guest has two CPUs changes nothing here. For the
//! same reason the used index is written after the entry it publishes.
//!
//! Invariants:
//! - Cursors are ours; what the Guest does to the used index is not looked at
//!   (`the_used_ring_is_never_read_back`).
//! - At most 256 chains are taken per published index, each of at most 256
//!   links (`an_index_run_ahead_kills_the_guest`,
//!   `a_ring_that_loops_kills_the_guest`).
//! - Any ring contents whatever give chains inside memory, or a [`RingError`]
//!   (`any_ring_gives_chains_or_a_reason`).
//!
//! Source: virtio 0.9.5, "Virtqueues"; lguest ABI, "Virtqueues".
//!
//! Next on the tour: [`crate::device`].

use abi::{
    GuestMemory, GuestPhys, GuestResult,
    device_page::{
        AVAIL_NO_INTERRUPT, DESC_INDIRECT, DESC_NEXT, DESC_WRITE, QUEUE_ENTRIES, USED_NO_NOTIFY,
        avail_offset, ring_len, used_offset,
    },
    kill::RingError,
    memory::check_range,
};

use crate::chain::{Buffer, Chain, Direction};

const AVAIL: u32 = avail_offset(QUEUE_ENTRIES);
const USED: u32 = used_offset(QUEUE_ENTRIES);
const DESCRIPTOR_LEN: usize = 16;

/// Offsets within the available and the used ring.
const FLAGS: u32 = 0;
const INDEX: u32 = 2;
const ENTRIES: u32 = 4;

/// The device's side of one virtqueue.
#[derive(Debug)]
pub struct Virtqueue {
    ring: GuestPhys,
    /// Chains taken so far, modulo 2^16, like the index the Guest publishes.
    taken: u16,
    /// Chains given back so far, modulo 2^16: the index we publish.
    given_back: u16,
    /// Something was given back since an interrupt was last considered.
    owes_interrupt: bool,
    /// The used flags say that kicks are not needed.
    refuses_kicks: bool,
}

/// A descriptor as it stands in the ring.
struct Descriptor {
    address: u64,
    len: u32,
    flags: u16,
    next: u16,
}

impl Virtqueue {
    /// A queue whose ring begins at `ring`, a page's first byte.
    pub const fn new(ring: GuestPhys) -> Self {
        Self { ring, taken: 0, given_back: 0, owes_interrupt: false, refuses_kicks: false }
    }

    /// The page a kick of this queue names.
    pub const fn page(&self) -> GuestPhys {
        self.ring
    }

    /// Starts over with a ring of zeroes.
    ///
    /// # Errors
    /// [`abi::KillReason::OutOfGuestMemory`] if the ring is not in memory.
    pub fn reset(&mut self, memory: &mut dyn GuestMemory) -> GuestResult {
        *self = Self::new(self.ring);
        memory.zero(self.ring, ring_len(QUEUE_ENTRIES))
    }

    /// Takes the next chain the Guest has made available into `chain`; `false` if there is none.
    ///
    /// # Errors
    /// A [`RingError`] if the Guest broke the rules of rings, or
    /// [`abi::KillReason::OutOfGuestMemory`] for a buffer that is not in memory.
    pub fn pop(&mut self, memory: &dyn GuestMemory, chain: &mut Chain) -> GuestResult<bool> {
        let published = memory.read_u16(self.field(AVAIL + INDEX))?;
        let waiting = published.wrapping_sub(self.taken);
        if waiting == 0 {
            return Ok(false);
        }
        if waiting > QUEUE_ENTRIES {
            return Err(RingError::Overrun { index: published }.into());
        }
        let place = u32::from(self.taken % QUEUE_ENTRIES);
        let head = memory.read_u16(self.field(AVAIL + ENTRIES + 2 * place))?;
        self.copy_chain(memory, head, chain)?;
        self.taken = self.taken.wrapping_add(1);
        Ok(true)
    }

    /// Copies the descriptors from `head` on. The chain's capacity is the bound of the walk.
    fn copy_chain(&self, memory: &dyn GuestMemory, head: u16, chain: &mut Chain) -> GuestResult {
        chain.open(head);
        let mut next = Some(head);
        while let Some(index) = next {
            let descriptor = self.descriptor(memory, index)?;
            chain.push(descriptor.admit(index, memory.limit())?)?;
            next = (descriptor.flags & DESC_NEXT != 0).then_some(descriptor.next);
        }
        Ok(())
    }

    fn descriptor(&self, memory: &dyn GuestMemory, index: u16) -> GuestResult<Descriptor> {
        if index >= QUEUE_ENTRIES {
            return Err(RingError::Index { index }.into());
        }
        let mut bytes = [0; DESCRIPTOR_LEN];
        memory.read_into(self.field(u32::from(index) * DESCRIPTOR_LEN as u32), &mut bytes)?;
        Ok(Descriptor::from_wire(bytes))
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
        let place = u32::from(self.given_back % QUEUE_ENTRIES);
        let mut entry = [0; 8];
        entry[..2].copy_from_slice(&head.to_le_bytes());
        entry[4..].copy_from_slice(&written.to_le_bytes());
        memory.write_from(self.field(USED + ENTRIES + 8 * place), &entry)?;
        self.given_back = self.given_back.wrapping_add(1);
        self.owes_interrupt = true;
        memory.write_u16(self.field(USED + INDEX), self.given_back)
    }

    /// Tells, once, whether the Guest should be interrupted for what was given back: not if it
    /// has said that it wants no interrupt.
    ///
    /// # Errors
    /// [`abi::KillReason::OutOfGuestMemory`] if the ring is not in memory.
    pub fn take_interrupt(&mut self, memory: &dyn GuestMemory) -> GuestResult<bool> {
        if !core::mem::take(&mut self.owes_interrupt) {
            return Ok(false);
        }
        Ok(memory.read_u16(self.field(AVAIL + FLAGS))? & AVAIL_NO_INTERRUPT == 0)
    }

    /// Tells the Guest whether it should kick when it makes chains available.
    ///
    /// # Errors
    /// [`abi::KillReason::OutOfGuestMemory`] if the ring is not in memory.
    pub fn want_kicks(&mut self, memory: &mut dyn GuestMemory, wanted: bool) -> GuestResult {
        if wanted != self.refuses_kicks {
            return Ok(());
        }
        self.refuses_kicks = !wanted;
        memory.write_u16(self.field(USED + FLAGS), if wanted { 0 } else { USED_NO_NOTIFY })
    }

    /// The address `offset` bytes into the ring, which lies below 4 GiB as the layout does.
    const fn field(&self, offset: u32) -> GuestPhys {
        GuestPhys(self.ring.0 + offset)
    }
}

impl Descriptor {
    fn from_wire(bytes: [u8; DESCRIPTOR_LEN]) -> Self {
        let [a, b, c, d, e, f, g, h, len @ .., flags0, flags1, next0, next1] = bytes;
        Self {
            address: u64::from_le_bytes([a, b, c, d, e, f, g, h]),
            len: u32::from_le_bytes(len),
            flags: u16::from_le_bytes([flags0, flags1]),
            next: u16::from_le_bytes([next0, next1]),
        }
    }

    /// Judges the buffer of descriptor `index` against a memory of `limit` bytes.
    fn admit(&self, index: u16, limit: u32) -> GuestResult<Buffer> {
        if self.flags & DESC_INDIRECT != 0 {
            return Err(RingError::Indirect { index }.into());
        }
        let at = u32::try_from(self.address).map_err(|_| RingError::HighAddress { index })?;
        check_range(GuestPhys(at), self.len as usize, limit)?;
        let is_writable = self.flags & DESC_WRITE != 0;
        let direction = if is_writable { Direction::Writable } else { Direction::Readable };
        Ok(Buffer { at: GuestPhys(at), len: self.len, direction })
    }
}

#[cfg(test)]
mod tests;
