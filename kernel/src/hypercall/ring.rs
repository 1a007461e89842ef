//! The ring of queued hypercalls, from the Host's side.
//!
//! A Guest that has many calls to make writes them into its `lguest_data` and
//! leaves once. Host and Guest each go round the 64 records with a cursor of
//! their own; a byte for each record says whose turn it is.
//!
//! ```text
//!   status   | FREE | FREE | READY | READY | FREE | ...     64 bytes
//!   records  |      |      | call  | call  |      | ...     64 x 16 or 20 bytes
//!                             ^ cursor
//! ```
//!
//! All records that are ready are copied together, and judged on the copy.
//!
//! Invariants:
//! - The cursor is the Host's own and never leaves the ring
//!   (`the_ring_is_gone_round_in_order`).
//! - Each record is read once (`a_batch_may_stop_anywhere_and_what_was_copied_is_not_read_again`).
//!
//! Source: lguest ABI, "Async ring".
//!
//! Next on the tour: [`crate::guest::init`].

use alloc::boxed::Box;

use abi::lguest_data::{RING_ENTRIES, RING_FREE, RING_READY};
use abi::{GuestMemory, GuestPhys, GuestResult, Variant};

use crate::hypercall::call::Call;

/// A queued call, copied: its number, and its arguments in their order.
pub type Record = [[u8; 4]; 5];

/// What a record says.
#[inline]
pub fn call(record: &Record) -> Call {
    let [number, arguments @ ..] = record.map(u32::from_le_bytes);
    Call { number, arguments }
}

/// Where a Guest's ring is, and how far the Host has come.
pub struct Ring {
    variant: Variant,
    status: GuestPhys,
    records: GuestPhys,
    record_len: u32,
    /// The record that is next, ...
    cursor: usize,
    /// ... and how many from there on have been copied.
    copied: usize,
    fetched: Box<[Record; RING_ENTRIES]>,
}

impl Ring {
    /// The ring in the `lguest_data` of `variant` at `at`, all of which is Guest memory.
    pub fn new(at: GuestPhys, variant: Variant) -> Self {
        let layout = variant.layout();
        Self {
            variant,
            status: GuestPhys(at.0 + layout.hcall_status),
            records: GuestPhys(at.0 + layout.hcalls),
            record_len: layout.hcall_len,
            cursor: 0,
            copied: 0,
            fetched: Box::new([Record::default(); RING_ENTRIES]),
        }
    }

    /// Whether no call is queued.
    #[inline]
    pub fn is_empty(&self, memory: &(impl GuestMemory + ?Sized)) -> GuestResult<bool> {
        Ok(memory.read_u8(self.status_at(self.cursor))? == RING_FREE)
    }

    /// The next queued call. What is ready, up to the end of the ring, is copied when the last
    /// copies have been given back.
    #[inline]
    pub fn peek(&mut self, memory: &(impl GuestMemory + ?Sized)) -> GuestResult<Option<Call>> {
        if self.copied == 0 {
            if self.is_empty(memory)? {
                return Ok(None);
            }
            self.fetch(memory)?;
        }
        Ok(self.copies().first().map(call))
    }

    /// The next queued calls, as far as they have been copied.
    #[inline]
    pub fn copies(&self) -> &[Record] {
        &self.fetched[self.cursor..][..self.copied]
    }

    /// Gives the next `count` records back, all of which have been copied.
    #[inline]
    pub fn give_back(&mut self, memory: &mut (impl GuestMemory + ?Sized), count: usize) -> GuestResult {
        const FOUR_FREE: u32 = u32::from_le_bytes([RING_FREE; 4]);
        let end = self.cursor + count;
        while self.cursor + 4 <= end {
            memory.write_u32(self.status_at(self.cursor), FOUR_FREE)?;
            self.cursor += 4;
        }
        while self.cursor < end {
            memory.write_u8(self.status_at(self.cursor), RING_FREE)?;
            self.cursor += 1;
        }
        self.cursor %= RING_ENTRIES;
        self.copied -= count;
        Ok(())
    }

    #[inline(never)]
    fn fetch(&mut self, memory: &(impl GuestMemory + ?Sized)) -> GuestResult {
        self.copied = self.end_of_ready(memory)? - self.cursor;
        let records = &mut self.fetched[self.cursor..][..self.copied];
        let first = GuestPhys(self.records.0 + self.cursor as u32 * self.record_len);
        match self.record_len {
            20 => memory.read_into(first, records.as_flattened_mut().as_flattened_mut()),
            _ => read_short(memory, self.variant, first, records),
        }
    }

    /// Where those end that are ready, one behind the other.
    fn end_of_ready(&self, memory: &(impl GuestMemory + ?Sized)) -> GuestResult<usize> {
        const FOUR_READY: u32 = u32::from_le_bytes([RING_READY; 4]);
        let mut end = self.cursor;
        while end + 4 <= RING_ENTRIES && memory.read_u32(self.status_at(end))? == FOUR_READY {
            end += 4;
        }
        while end < RING_ENTRIES && memory.read_u8(self.status_at(end))? != RING_FREE {
            end += 1;
        }
        Ok(end)
    }

    fn status_at(&self, index: usize) -> GuestPhys {
        GuestPhys(self.status.0 + index as u32)
    }
}

/// Reads records of four words, whose arguments are not where later years put them.
fn read_short(
    memory: &(impl GuestMemory + ?Sized),
    variant: Variant,
    first: GuestPhys,
    into: &mut [Record],
) -> GuestResult {
    for (record, at) in into.iter_mut().zip((first.0..).step_by(16)) {
        let mut words = [[0; 4]; 5];
        memory.read_into(GuestPhys(at), words[..4].as_flattened_mut())?;
        let Call { number, arguments: [a, b, c, d] } = Call::new(variant, words.map(u32::from_le_bytes));
        *record = [number, a, b, c, d].map(u32::to_le_bytes);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use abi::lguest_data::Layout;

    const AT: GuestPhys = GuestPhys(0x100);

    /// Queues call `number` in slot `slot`.
    fn queue(ram: &mut [u8], layout: &Layout, slot: usize, number: u32) {
        let at = GuestPhys(AT.0 + layout.hcalls + slot as u32 * layout.hcall_len);
        ram.write_u32(at, number).unwrap();
        ram.write_u8(GuestPhys(AT.0 + layout.hcall_status + slot as u32), RING_READY).unwrap();
    }

    /// The numbers of the next calls.
    fn numbers(ring: &mut Ring, ram: &[u8]) -> Vec<u32> {
        ring.peek(ram).unwrap();
        ring.copies().iter().map(|record| call(record).number).collect()
    }

    #[test]
    fn the_ring_is_gone_round_in_order() {
        for variant in Variant::ALL {
            let layout = variant.layout();
            let mut ram = vec![RING_FREE; 0x1000];
            let mut ring = Ring::new(AT, variant);
            let mut next = 0;
            for batch in [1, 7, 50, 6, 3, 64, 1] {
                let queued: Vec<_> = (next..next + batch).collect();
                for &number in &queued {
                    queue(&mut ram, layout, number as usize % RING_ENTRIES, number);
                }
                let mut seen = Vec::new();
                while !ring.is_empty(&ram[..]).unwrap() {
                    let next = numbers(&mut ring, &ram);
                    ring.give_back(&mut ram[..], next.len()).unwrap();
                    seen.extend(next);
                }
                assert_eq!(seen, queued);
                next += batch;
            }
        }
    }

    #[test]
    fn a_batch_may_stop_anywhere_and_what_was_copied_is_not_read_again() {
        let layout = Variant::C.layout();
        let mut ram = vec![RING_FREE; 0x1000];
        let mut ring = Ring::new(AT, Variant::C);
        (0..3).for_each(|slot| queue(&mut ram, layout, slot, slot as u32));
        assert_eq!(numbers(&mut ring, &ram), [0, 1, 2]);
        ring.give_back(&mut ram[..], 1).unwrap();
        (1..3).for_each(|slot| queue(&mut ram, layout, slot, 7));
        assert_eq!(numbers(&mut ring, &ram), [1, 2]);
    }

    #[test]
    fn arguments_come_out_in_their_order() {
        let first = |variant: Variant| {
            let mut ram = vec![RING_FREE; 0x1000];
            queue(&mut ram, variant.layout(), 0, 14);
            let words = GuestPhys(AT.0 + variant.layout().hcalls);
            (1..4).for_each(|word| ram.write_u32(GuestPhys(words.0 + 4 * word), word).unwrap());
            let mut ring = Ring::new(AT, variant);
            ring.peek(&ram[..]).unwrap().unwrap()
        };
        assert_eq!(first(Variant::AEdx), Call { number: 14, arguments: [3, 1, 2, 0] });
        assert_eq!(first(Variant::AEbx), Call { number: 14, arguments: [1, 2, 3, 0] });
        assert_eq!(first(Variant::B).arguments[..3], [1, 2, 3]);
    }

    #[test]
    fn a_call_queued_out_of_turn_waits() {
        let layout = Variant::C.layout();
        let mut ram = vec![RING_FREE; 0x1000];
        queue(&mut ram, layout, 1, 7);
        assert_eq!(Ring::new(AT, Variant::C).is_empty(&ram[..]), Ok(true));
    }

    #[test]
    fn whatever_is_not_free_is_ready() {
        let layout = Variant::C.layout();
        let mut ram = vec![RING_FREE; 0x1000];
        (0..2).for_each(|slot| queue(&mut ram, layout, slot, slot as u32));
        ram.write_u8(GuestPhys(AT.0 + layout.hcall_status), 0x7E).unwrap();
        assert_eq!(numbers(&mut Ring::new(AT, Variant::C), &ram), [0, 1]);
    }
}
