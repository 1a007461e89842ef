//! A chain of buffers: what a Guest offers to a device in one go.
//!
//! The virtqueue copies a chain's descriptors here once, and from then on the
//! Guest may rewrite them as it likes: the copy is what counts. A device goes
//! through the buffers piece by piece with a cursor, so it can stop in the
//! middle when it has done enough for now and go on later.
//!
//! ```text
//!   buffers   [ first      ][ second           ][ third ]
//!                            ^ offset: done up to here
//!   piece(max) ............. |----| at most max bytes, within one buffer
//! ```
//!
//! Invariants:
//! - Never more buffers than the queue has entries, and never a second
//!   allocation (`a_chain_as_long_as_its_queue_fits_and_no_longer`).
//! - Pieces cover each byte once, in order (`pieces_cover_every_byte_in_order`).
//!
//! Source: virtio 0.9.5, "Descriptor Table".
//!
//! Next on the tour: [`crate::virtqueue`].

use alloc::vec::Vec;

use abi::{GuestMemory, GuestPhys, GuestResult, device_page::QUEUE_ENTRIES, kill::RingError};

/// Most buffers in a chain: each descriptor once.
const BUFFERS_MAX: usize = QUEUE_ENTRIES as usize;

/// One buffer of a chain, copied from its descriptor; it lies in the Guest's memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Buffer {
    /// Its first byte.
    pub at: GuestPhys,
    /// Its bytes.
    pub len: u32,
    /// Who may touch it how.
    pub direction: Direction,
}

/// Which way the bytes of a buffer go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// The Guest has written, the device reads.
    Readable,
    /// The device writes, the Guest will read.
    Writable,
}

/// A part of a buffer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Piece {
    /// Its first byte.
    pub at: GuestPhys,
    /// Its bytes, at least one.
    pub len: usize,
}

/// The copy of a chain, and how far the device has come with it. One is made for each queue and
/// used again for each chain, so its room is allocated only once.
#[derive(Debug)]
pub struct Chain {
    head: Option<u16>,
    buffers: Vec<Buffer>,
    current: usize,
    offset: u32,
    moved: u32,
}

impl Default for Chain {
    fn default() -> Self {
        let buffers = Vec::with_capacity(BUFFERS_MAX);
        Self { head: None, buffers, current: 0, offset: 0, moved: 0 }
    }
}

impl Chain {
    /// Tells whether there is a chain in it that has not been given back.
    pub const fn is_open(&self) -> bool {
        self.head.is_some()
    }

    /// The buffers, in order.
    pub fn buffers(&self) -> &[Buffer] {
        &self.buffers
    }

    /// Bytes gone through so far.
    pub const fn moved(&self) -> u32 {
        self.moved
    }

    /// Forgets what was in it, and begins anew with the chain that starts at descriptor `head`.
    pub(crate) fn open(&mut self, head: u16) {
        self.close();
        self.head = Some(head);
    }

    /// Adds the next buffer.
    ///
    /// # Errors
    /// [`RingError::Loop`] when it has as many as a queue has descriptors.
    pub(crate) fn push(&mut self, buffer: Buffer) -> GuestResult {
        if self.buffers.len() == BUFFERS_MAX {
            return Err(RingError::Loop.into());
        }
        self.buffers.push(buffer);
        Ok(())
    }

    /// Empties it, and returns which chain it was.
    pub(crate) fn close(&mut self) -> Option<u16> {
        self.buffers.clear();
        (self.current, self.offset, self.moved) = (0, 0, 0);
        self.head.take()
    }

    /// Insists that all bytes go one way.
    ///
    /// # Errors
    /// [`RingError::Direction`] if a buffer is meant for the other.
    pub fn require(&self, direction: Direction) -> GuestResult {
        match self.buffers.iter().all(|buffer| buffer.direction == direction) {
            true => Ok(()),
            false => Err(RingError::Direction.into()),
        }
    }

    /// Bytes the device reads, and bytes it writes.
    ///
    /// # Errors
    /// [`RingError::Direction`] unless all it reads come before all it writes.
    pub fn lengths(&self) -> GuestResult<(u64, u64)> {
        let first_writable = self.first_writable();
        let (readable, writable) = self.buffers.split_at(first_writable);
        if writable.iter().any(|buffer| buffer.direction == Direction::Readable) {
            return Err(RingError::Direction.into());
        }
        let sum = |buffers: &[Buffer]| buffers.iter().map(|buffer| u64::from(buffer.len)).sum();
        Ok((sum(readable), sum(writable)))
    }

    fn first_writable(&self) -> usize {
        let is_writable = |buffer: &Buffer| buffer.direction == Direction::Writable;
        self.buffers.iter().position(is_writable).unwrap_or(self.buffers.len())
    }

    /// Goes on with the first buffer the device writes.
    pub fn skip_readable(&mut self) {
        (self.current, self.offset) = (self.first_writable(), 0);
    }

    /// The last byte the device may write, if there is one.
    pub fn last_writable(&self) -> Option<GuestPhys> {
        let is_place = |buffer: &&Buffer| buffer.direction == Direction::Writable && buffer.len > 0;
        self.buffers.iter().rfind(is_place).map(|buffer| GuestPhys(buffer.at.0 + (buffer.len - 1)))
    }

    /// Copies the next bytes out of the Guest's memory, as many as are there.
    ///
    /// # Errors
    /// [`abi::KillReason::OutOfGuestMemory`] never, since the buffers were judged.
    pub fn read_into(&mut self, memory: &dyn GuestMemory, into: &mut [u8]) -> GuestResult {
        let mut done = 0;
        while done < into.len()
            && let Some(piece) = self.piece(into.len() - done)
        {
            memory.read_into(piece.at, &mut into[done..done + piece.len])?;
            self.advance(piece.len);
            done += piece.len;
        }
        Ok(())
    }

    /// Copies `from` into the next bytes of the Guest's memory, as far as there is room.
    ///
    /// # Errors
    /// As for reading.
    pub fn write_from(&mut self, memory: &mut dyn GuestMemory, from: &[u8]) -> GuestResult {
        let mut done = 0;
        while done < from.len()
            && let Some(piece) = self.piece(from.len() - done)
        {
            memory.write_from(piece.at, &from[done..done + piece.len])?;
            self.advance(piece.len);
            done += piece.len;
        }
        Ok(())
    }

    /// The next bytes to go through, at most `max`, or `None` at the chain's end.
    pub fn piece(&mut self, max: usize) -> Option<Piece> {
        while let Some(buffer) = self.buffers.get(self.current) {
            let left = buffer.len - self.offset;
            if left > 0 {
                // The sum stays below the buffer's end, which the virtqueue has judged.
                return Some(Piece { at: GuestPhys(buffer.at.0 + self.offset), len: max.min(left as usize) });
            }
            (self.current, self.offset) = (self.current + 1, 0);
        }
        None
    }

    /// Moves on by `len` bytes of the last [`Chain::piece`].
    pub fn advance(&mut self, len: usize) {
        self.offset += len as u32;
        self.moved = self.moved.saturating_add(len as u32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(lens: &[u32]) -> Chain {
        let mut chain = Chain::default();
        chain.open(7);
        for (place, &len) in lens.iter().enumerate() {
            let at = GuestPhys(0x1000 * place as u32);
            chain.push(Buffer { at, len, direction: Direction::Readable }).unwrap();
        }
        chain
    }

    #[test]
    fn pieces_cover_every_byte_in_order() {
        let mut chain = chain(&[0, 5, 0, 2]);
        let mut pieces = Vec::new();
        while let Some(piece) = chain.piece(3) {
            pieces.push((piece.at.0, piece.len));
            chain.advance(piece.len);
        }
        assert_eq!(pieces, [(0x1000, 3), (0x1003, 2), (0x3000, 2)]);
        assert_eq!(chain.moved(), 7);
    }

    #[test]
    fn a_piece_not_used_up_is_offered_again() {
        let mut chain = chain(&[5]);
        assert_eq!(chain.piece(5).map(|piece| piece.len), Some(5));
        chain.advance(2);
        assert_eq!(chain.piece(5), Some(Piece { at: GuestPhys(2), len: 3 }));
    }

    #[test]
    fn a_chain_as_long_as_its_queue_fits_and_no_longer() {
        let mut chain = chain(&[1; 256]);
        assert_eq!(chain.buffers.capacity(), 256);
        let buffer = chain.buffers()[0];
        assert_eq!(chain.push(buffer), Err(RingError::Loop.into()));
    }

    #[test]
    fn one_buffer_of_the_wrong_direction_spoils_the_chain() {
        let mut chain = chain(&[1, 1]);
        assert_eq!(chain.require(Direction::Readable), Ok(()));
        chain.push(Buffer { at: GuestPhys(0), len: 1, direction: Direction::Writable }).unwrap();
        assert_eq!(chain.require(Direction::Readable), Err(RingError::Direction.into()));
    }

    #[test]
    fn what_is_read_comes_before_what_is_written() {
        let mut chain = chain(&[3, 4]);
        assert_eq!((chain.lengths(), chain.last_writable()), (Ok((7, 0)), None));
        for len in [5, 6, 0] {
            chain.push(Buffer { at: GuestPhys(0x8000), len, direction: Direction::Writable }).unwrap();
        }
        assert_eq!((chain.lengths(), chain.last_writable()), (Ok((7, 11)), Some(GuestPhys(0x8005))));
        chain.skip_readable();
        assert_eq!(chain.piece(9), Some(Piece { at: GuestPhys(0x8000), len: 5 }));
        chain.push(Buffer { at: GuestPhys(0), len: 0, direction: Direction::Readable }).unwrap();
        assert_eq!(chain.lengths(), Err(RingError::Direction.into()));
    }

    #[test]
    fn bytes_are_copied_across_buffers() {
        let mut ram = crate::fakes::Ram::zeroed(0x2100);
        let mut all = chain(&[2, 0, 3]);
        all.write_from(&mut ram, b"abcdefg").unwrap();
        assert_eq!((&ram[..3], &ram[0x2000..0x2004]), (&b"ab\0"[..], &b"cde\0"[..]));
        let (mut again, mut copy) = (chain(&[2, 0, 3]), [b'.'; 7]);
        again.read_into(&ram, &mut copy).unwrap();
        assert_eq!(&copy, b"abcde..");
    }

    #[test]
    fn a_closed_chain_remembers_nothing() {
        let mut chain = chain(&[4]);
        chain.advance(2);
        assert_eq!(chain.close(), Some(7));
        assert!(!chain.is_open() && chain.buffers().is_empty() && chain.moved() == 0);
        assert_eq!(chain.piece(1), None);
    }
}
