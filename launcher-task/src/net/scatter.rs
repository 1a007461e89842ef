//! Writes a packet into a driver's buffers: one chain, or several if it said so.
//!
//! ```text
//!  parts    header | frame ...................          in order, as if they were one
//!  chains   [ buffer ][ buffer ] | [ buffer ] | ...     MRG_RXBUF: how many, at the header's end
//! ```
//!
//! A chain is given back when all of the packet is in; if it does not fit, the
//! chains are put back as if nobody had taken them.
//!
//! Invariants:
//! - All of a packet is handed over, or nothing (`a_packet_that_does_not_fit_takes_no_buffers`).
//! - Never more than [`CHAINS_MAX`] chains are taken (a fixed list).
//!
//! Source: virtio 1.0, 5.1.6.4 "Processing of Incoming Packets".
//!
//! Next on the tour: [`super::device`].

use abi::{GuestMemory, GuestPhys, GuestResult};
use arrayvec::ArrayVec;

use super::header::HEADER_LEN;
use crate::{
    chain::{Chain, Direction},
    virtqueue::Virtqueue,
};

/// Most chains one packet may take: enough for the longest in buffers of 1,500 bytes.
pub const CHAINS_MAX: usize = 64;
/// Bytes of the header with the number of chains at its end.
pub const LONG_HEADER_LEN: usize = HEADER_LEN + 2;

/// What came of the attempt to hand a packet over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Handed {
    /// The driver has it.
    Over,
    /// It has no buffers for it just now.
    NotYet,
    /// It has none that would do.
    Never,
}

/// The chain in hand, and those that are full.
#[derive(Debug, Default)]
pub struct Scatter {
    chain: Chain,
    full: ArrayVec<(u16, u32), CHAINS_MAX>,
    /// Where the number of chains stands: its two bytes may lie in different buffers.
    count_at: [GuestPhys; 2],
}

/// Bytes in several places, to be read in order.
struct Source<'a> {
    parts: &'a [&'a [u8]],
    offset: usize,
    left: usize,
}

impl Scatter {
    /// Hands over what `parts` are together, header first, in several chains if it `may_merge` them.
    ///
    /// # Errors
    /// What the Guest did wrong with its ring.
    pub fn write(
        &mut self,
        parts: &[&[u8]],
        may_merge: bool,
        queue: &mut Virtqueue,
        memory: &mut dyn GuestMemory,
    ) -> GuestResult<Handed> {
        self.full.clear();
        let handed = self.fill(parts, may_merge, queue, memory)?;
        if handed != Handed::Over {
            self.chain.close();
            queue.put_back(self.full.len() as u16);
            return Ok(handed);
        }
        if may_merge {
            let count = (self.full.len() as u16).to_le_bytes();
            memory.write_u8(self.count_at[0], count[0])?;
            memory.write_u8(self.count_at[1], count[1])?;
        }
        for (head, written) in self.full.drain(..) {
            queue.give_back_head(memory, head, written)?;
        }
        Ok(handed)
    }

    fn fill(
        &mut self,
        parts: &[&[u8]],
        may_merge: bool,
        queue: &mut Virtqueue,
        memory: &mut dyn GuestMemory,
    ) -> GuestResult<Handed> {
        let mut source = Source { parts, offset: 0, left: parts.iter().map(|part| part.len()).sum() };
        let most = if may_merge { CHAINS_MAX.min(queue.size().into()) } else { 1 };
        while source.left > 0 {
            if self.full.len() == most {
                return Ok(Handed::Never);
            }
            if !queue.pop(memory, &mut self.chain)? {
                return Ok(Handed::NotYet);
            }
            self.chain.require(Direction::Writable)?;
            if self.full.is_empty() {
                self.count_at = [HEADER_LEN, HEADER_LEN + 1].map(|offset| place(&self.chain, offset));
            }
            let written = source.pour(&mut self.chain, memory)?;
            self.full.push((self.chain.close().expect("it was opened just now"), written));
        }
        // A header that the first chain cannot hold has no place for the number of chains.
        let is_whole = self.full.first().is_none_or(|&(_, written)| written as usize >= LONG_HEADER_LEN);
        Ok(if is_whole || !may_merge { Handed::Over } else { Handed::Never })
    }
}

impl Source<'_> {
    /// Fills a chain as far as there are bytes, and returns how many it took.
    fn pour(&mut self, chain: &mut Chain, memory: &mut dyn GuestMemory) -> GuestResult<u32> {
        while let Some((part, others)) = self.parts.split_first() {
            let rest = &part[self.offset..];
            if rest.is_empty() {
                (self.parts, self.offset) = (others, 0);
                continue;
            }
            let Some(piece) = chain.piece(rest.len()) else { break };
            memory.write_from(piece.at, &rest[..piece.len])?;
            chain.advance(piece.len);
            self.offset += piece.len;
            self.left -= piece.len;
        }
        Ok(chain.moved())
    }
}

/// Where byte `offset` of a chain is; its first byte's address if it is not that long.
fn place(chain: &Chain, mut offset: usize) -> GuestPhys {
    for buffer in chain.buffers() {
        if offset < buffer.len as usize {
            return GuestPhys(buffer.at.0 + offset as u32);
        }
        offset -= buffer.len as usize;
    }
    chain.buffers().first().map_or(GuestPhys(0), |buffer| buffer.at)
}

/// Copies the next bytes of a chain the driver has written into `into`, which the chain can fill.
///
/// # Errors
/// [`abi::KillReason::OutOfGuestMemory`] if a buffer is not in memory.
pub fn gather(chain: &mut Chain, memory: &dyn GuestMemory, into: &mut [u8]) -> GuestResult {
    let mut done = 0;
    while done < into.len()
        && let Some(piece) = chain.piece(into.len() - done)
    {
        memory.read_into(piece.at, &mut into[done..done + piece.len])?;
        chain.advance(piece.len);
        done += piece.len;
    }
    Ok(())
}

/// Bytes in all buffers of a chain.
pub fn room(chain: &Chain) -> usize {
    chain.buffers().iter().fold(0, |sum: usize, buffer| sum.saturating_add(buffer.len as usize))
}
