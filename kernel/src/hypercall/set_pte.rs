//! What a SET_PTE says, and runs of them.
//!
//! Nearly all that is ever queued are changes of page-table entries, one
//! behind the other: a fork, an mmap, the end of a program. So they are taken
//! from the ring by the run, and the shadows look up once what many have in
//! common.
//!
//! Next on the tour: [`crate::shadow`].

use abi::hypercall::LHCALL_SET_PTE;
use abi::{GuestLinear, GuestPhys, GuestResult};

use crate::hypercall::call::Call;
use crate::hypercall::ring;
use crate::hypercall::ring::Record;
use crate::trace::event::Event;

/// What changed in a page table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SetPte {
    /// Below this directory.
    pub top: GuestPhys,
    /// For this address.
    pub at: GuestLinear,
    /// To this.
    pub entry: u32,
    /// And this, in PAE.
    pub high: u32,
}

impl From<[u32; 4]> for SetPte {
    fn from([top, at, entry, high]: [u32; 4]) -> Self {
        Self { top: GuestPhys(top), at: GuestLinear(at), entry, high }
    }
}

/// The SET_PTEs at the head of some records, as far as they have been asked for.
pub struct Run<'a> {
    records: &'a [Record],
    left: core::slice::Iter<'a, Record>,
}

impl<'a> Run<'a> {
    /// The run that `records` begin with.
    pub fn new(records: &'a [Record]) -> Self {
        Self { records, left: records.iter() }
    }

    /// How many were asked for.
    pub fn taken(&self) -> usize {
        self.records.len() - self.left.len()
    }

    /// What the trace should know of those: how many there were, and the last.
    pub fn event(&self) -> Option<Event> {
        let count = self.taken();
        let Call { number, arguments: [arg1, arg2, ..] } = ring::call(&self.records[count.checked_sub(1)?]);
        Some(Event::Hypercalls { number: number as u8, count: count as u8, arg1, arg2 })
    }

    /// Takes the next one.
    pub fn take(&mut self) -> Option<SetPte> {
        let next = change(self.left.as_slice().first()?)?;
        self.left.next();
        Some(next)
    }

    /// Takes those that follow as long as they are `wanted`, and has each obeyed.
    ///
    /// # Errors
    /// The first of `obey`.
    #[inline(always)]
    pub fn obey_while(
        &mut self,
        wanted: impl Fn(&SetPte) -> bool,
        mut obey: impl FnMut(SetPte) -> GuestResult,
    ) -> GuestResult {
        let mut left = self.left.clone();
        let outcome = loop {
            let Some(next) = left.as_slice().first().and_then(change).filter(&wanted) else {
                break Ok(());
            };
            left.next();
            if let Err(reason) = obey(next) {
                break Err(reason);
            }
        };
        self.left = left;
        outcome
    }
}

/// What a record changes, if it is a SET_PTE.
#[inline(always)]
fn change(record: &Record) -> Option<SetPte> {
    let Call { number, arguments } = ring::call(record);
    (number == LHCALL_SET_PTE).then(|| arguments.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(words: [u32; 5]) -> Record {
        words.map(u32::to_le_bytes)
    }

    #[test]
    fn a_run_ends_at_the_first_other_call_and_counts_what_was_taken() {
        let change = |at| record([LHCALL_SET_PTE, 0x9000, at, 0x63, 0]);
        let records = [change(0x1000), change(0x2000), record([0; 5]), change(0x3000)];
        let mut run = Run::new(&records);
        assert_eq!((run.taken(), run.event()), (0, None));
        let places: Vec<_> = core::iter::from_fn(|| Some(run.take()?.at.0)).collect();
        assert_eq!((places, run.taken()), (vec![0x1000, 0x2000], 2));
        let number = LHCALL_SET_PTE as u8;
        assert_eq!(run.event(), Some(Event::Hypercalls { number, count: 2, arg1: 0x9000, arg2: 0x2000 }));
    }
}
