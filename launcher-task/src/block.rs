//! The block device: a disk made of a boot module.
//!
//! A request is a chain: a header, data, and a last byte for the status. It is
//! judged as a whole from copies ([`judge`]), then its data go straight
//! between the disk's bytes ([`Store`]) and the Guest's memory, and the status
//! last of all.
//!
//! ```text
//!   pop --> judge --> Read / Write: piece by piece, in bounded steps --> status --> give back
//!                 '-> Identify, Answer -----------------------------------^
//! ```
//!
//! A driver hears of what it may not do by the status. Only where there is no
//! room for one, or a buffer has the wrong direction, is it the Guest's end.
//!
//! The features offered are those every driver gets along with. Writes are done
//! in order and for good, so a flush has nothing to do; it is offered because
//! file systems complain without. There is no bound on a segment's size, and as
//! many segments as fit the queue beside header and status.
//!
//! Invariants:
//! - A step moves at most [`WORK_PER_STEP`] bytes, buffers counted in
//!   (`a_large_request_is_served_in_steps`).
//! - A refused request changes no byte of disk or data
//!   (`a_refused_request_changes_only_its_status`).
//! - How header, data and status are split does not matter
//!   (`any_split_of_a_request_means_the_same`).
//!
//! Source: virtio 1.0, "Block Device"; lguest ABI, "Request formats".
//!
//! Next on the tour: `block/request.rs`.

mod request;
mod store;

use abi::{
    GuestMemory, GuestResult,
    device_page::{QUEUE_ENTRIES, TYPE_BLOCK},
    kill::RingError,
};

use crate::{
    chain::Chain,
    device::{Device, Progress, Shape},
    port::Ports,
    virtqueue::Virtqueue,
};

pub use request::{Geometry, HEADER_LEN, SECTOR, Status, Work, judge};
pub use store::{Overlay, Store};

/// Most bytes moved in one step; a buffer looked at counts as 128 of them.
pub const WORK_PER_STEP: usize = 256 << 10;
/// What it costs to look at a buffer, in bytes moved instead.
const BUFFER_COST: usize = 128;
// A chain just opened leaves some of the step for moving bytes, so each step gets on.
const _: () = assert!(WORK_PER_STEP > BUFFER_COST * QUEUE_ENTRIES as usize);

/// Feature: the configuration says how many segments a request may have.
const SEG_MAX: u64 = 1 << 2;
/// Feature: the disk cannot be written.
const RO: u64 = 1 << 5;
/// Feature: the configuration says how large a block is.
const BLK_SIZE: u64 = 1 << 6;
/// Feature: flush requests.
const FLUSH: u64 = 1 << 9;

/// Bytes of the name a driver can ask for.
const ID_LEN: usize = 20;
/// Bytes of the configuration, up to the block size.
const CONFIG_LEN: usize = 24;

/// A disk, and the request it is in the middle of.
pub struct BlockDevice<'a> {
    store: Store<'a>,
    id: [u8; ID_LEN],
    config: [u8; CONFIG_LEN],
    chain: Chain,
    request: Option<Request>,
}

/// A judged request, whose chain is open.
#[derive(Clone, Copy)]
struct Request {
    work: Work,
    /// Bytes of data moved so far.
    moved: usize,
}

impl<'a> BlockDevice<'a> {
    /// A disk of that name with these bytes.
    pub fn new(name: &str, store: Store<'a>) -> Self {
        let mut id = [0; ID_LEN];
        id.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to = from);
        let mut config = [0; CONFIG_LEN];
        config[..8].copy_from_slice(&store.sectors().to_le_bytes());
        // Size limit, none; segments: the queue's descriptors but for header and status; geometry,
        // none; block size.
        config[12..16].copy_from_slice(&(u32::from(QUEUE_ENTRIES) - 2).to_le_bytes());
        config[20..].copy_from_slice(&(SECTOR as u32).to_le_bytes());
        Self { store, id, config, chain: Chain::default(), request: None }
    }

    fn geometry(&self) -> Geometry {
        Geometry { sectors: self.store.sectors(), is_read_only: self.store.is_read_only() }
    }

    /// Copies the header of the chain just opened, and judges the request.
    fn begin(&mut self, memory: &dyn GuestMemory) -> GuestResult<Request> {
        let (readable, writable) = self.chain.lengths()?;
        let taken = writable.checked_sub(1).ok_or(RingError::NoStatus)?;
        let mut header = [0; HEADER_LEN];
        let given = readable.checked_sub(HEADER_LEN as u64);
        if given.is_some() {
            self.chain.read_into(memory, &mut header)?;
        }
        let work = judge(given.map(|_| header), given.unwrap_or(0), taken, self.geometry());
        if !matches!(work, Work::Write { .. }) {
            self.chain.skip_readable();
        }
        Ok(Request { work, moved: 0 })
    }

    /// Moves as much of the request's data as fits `budget`; returns the bytes moved.
    fn advance(
        &mut self,
        request: &mut Request,
        memory: &mut dyn GuestMemory,
        budget: usize,
    ) -> GuestResult<usize> {
        let (Work::Read { at, len } | Work::Write { at, len }) = request.work else { return Ok(0) };
        let before = request.moved;
        while request.moved < len && request.moved - before < budget {
            let wanted = (len - request.moved).min(budget - (request.moved - before));
            let piece = self.chain.piece(wanted).expect("the request was judged by its chain's length");
            let place = at + request.moved;
            let moved = if matches!(request.work, Work::Read { .. }) {
                let bytes = self.store.read(place, piece.len);
                memory.write_from(piece.at, bytes)?;
                bytes.len()
            } else {
                memory.read_into(piece.at, self.store.write(place, piece.len))?;
                piece.len
            };
            self.chain.advance(moved);
            request.moved += moved;
        }
        Ok(request.moved - before)
    }

    /// Writes what is left to write, the status last; returns the bytes written into the chain.
    fn finish(&mut self, request: Request, memory: &mut dyn GuestMemory) -> GuestResult<u32> {
        let (data, status) = match request.work {
            Work::Read { len, .. } => (len, Status::Ok),
            Work::Write { .. } => (0, Status::Ok),
            Work::Identify => (self.identify(memory)?, Status::Ok),
            Work::Answer(status) => (0, status),
        };
        let at = self.chain.last_writable().ok_or(RingError::NoStatus)?;
        memory.write_u8(at, status as u8)?;
        Ok(data as u32 + 1)
    }

    /// Writes as much of the disk's name as there is room for before the status.
    fn identify(&mut self, memory: &mut dyn GuestMemory) -> GuestResult<usize> {
        let (_, writable) = self.chain.lengths()?;
        let len = (writable - 1).min(ID_LEN as u64) as usize;
        self.chain.write_from(memory, &self.id[..len])?;
        Ok(len)
    }
}

impl Device for BlockDevice<'_> {
    fn shape(&self) -> Shape<'_> {
        let read_only = if self.store.is_read_only() { RO } else { 0 };
        let features = SEG_MAX | BLK_SIZE | FLUSH | read_only;
        Shape { kind: TYPE_BLOCK, name: "disk", queues: 1, features, config: &self.config }
    }

    fn serve(
        &mut self,
        _: usize,
        queue: &mut Virtqueue,
        memory: &mut dyn GuestMemory,
        _: &mut Ports<'_>,
    ) -> GuestResult<Progress> {
        let mut budget = WORK_PER_STEP;
        loop {
            let mut request = match self.request.take() {
                Some(request) => request,
                None if !queue.pop(memory, &mut self.chain)? => return Ok(Progress::Idle),
                None => {
                    budget = budget.saturating_sub(self.chain.buffers().len() * BUFFER_COST);
                    self.begin(memory)?
                }
            };
            budget -= self.advance(&mut request, memory, budget)?;
            if budget == 0 {
                self.request = Some(request);
                return Ok(Progress::Busy);
            }
            let written = self.finish(request, memory)?;
            queue.give_back(memory, &mut self.chain, written)?;
        }
    }

    fn reset(&mut self) {
        self.chain.close();
        self.request = None;
    }

    fn restart(&mut self) {
        self.store.restart();
    }
}

#[cfg(test)]
mod tests;
