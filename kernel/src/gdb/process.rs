//! A Guest as GDB sees it: a process with one thread.
//!
//! Its number is one more than its task's. It is lent for as long as GDB is
//! listened to, between two turns.
//!
//! Next on the tour: [`super`].

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use abi::{GuestLinear, GuestMemory};

use super::request::{Action, Point};
use crate::guest::Guest;
use crate::guest::debug_registers::{Breakpoint, Kind};
use crate::guest::debugger::Debugger;
use crate::guest::debugger::step::Step;
use crate::shadow::look::Space;

/// A Guest that can be debugged.
pub struct Process<M> {
    /// Number of its task.
    pub task: usize,
    /// What it is called.
    pub name: String,
    /// The Guest, while it is lent.
    pub guest: Option<Box<Guest<M>>>,
    /// GDB has to do with it.
    pub is_attached: bool,
    /// It stands still although others run.
    pub is_held: bool,
    /// It has ended.
    pub has_ended: bool,
    /// It was killed, and that has been told.
    pub has_died: bool,
    /// It has ended while GDB had it, and that has not been told.
    pub is_missed: bool,
}

impl<M> Process<M> {
    /// The Guest called `name`, of task number `task`.
    pub fn new(task: usize, name: String) -> Self {
        Self {
            task,
            name,
            guest: None,
            is_attached: false,
            is_held: false,
            has_ended: false,
            has_died: false,
            is_missed: false,
        }
    }

    /// Its number.
    pub fn number(&self) -> u32 {
        self.task as u32 + 1
    }
}

impl<M: GuestMemory> Process<M> {
    /// The Guest, its debugger's part of it and its address space.
    fn parts(&mut self) -> Option<(&mut Debugger, &mut M, Space)> {
        let guest = self.guest.as_deref_mut()?;
        let space = guest.shadow.space();
        Some((guest.debugger.as_deref_mut()?, &mut guest.memory, space))
    }

    /// Reads at most `len` bytes at `at`; none if there are none.
    pub fn read(&mut self, at: u32, len: usize) -> Option<Vec<u8>> {
        let (debugger, memory, space) = self.parts()?;
        let mut bytes = alloc::vec![0; len];
        let count = debugger.read(memory, space, GuestLinear(at), &mut bytes);
        bytes.truncate(count);
        (count > 0 || len == 0).then_some(bytes)
    }

    /// Writes at `at`; false if not all of it has a place.
    pub fn write(&mut self, at: u32, bytes: &[u8]) -> bool {
        let Some((debugger, memory, space)) = self.parts() else { return false };
        debugger.write(memory, space, GuestLinear(at), bytes)
    }

    /// Sets a breakpoint or takes it away; false if that cannot be.
    pub fn set(&mut self, point: Point, on: bool) -> bool {
        let free = self.free_registers();
        let Some((debugger, memory, space)) = self.parts() else { return false };
        match point {
            Point::Software { at } if on => debugger.plant(memory, space, GuestLinear(at)),
            Point::Software { at } => {
                debugger.uproot(memory, GuestLinear(at));
                // One that went with a restart is gone all the same.
                true
            }
            Point::Hardware { at, len, kind } => match pieces(at, len, kind) {
                Some(pieces) if on && pieces.len() <= free => {
                    debugger.hardware.extend(pieces);
                    true
                }
                Some(pieces) if !on => {
                    debugger.hardware.retain(|set| !pieces.contains(set));
                    true
                }
                Some(_) | None => false,
            },
        }
    }

    /// Debug registers that neither the Guest nor its debugger uses.
    fn free_registers(&self) -> usize {
        let Some(guest) = &self.guest else { return 0 };
        let set = guest.debugger.as_ref().map_or(0, |debugger| debugger.hardware.len());
        4_usize.saturating_sub(set + guest.debug_registers.count())
    }

    /// Says what it does from now on; with nothing to do it stands still.
    pub fn go(&mut self, action: Option<Action>) {
        self.is_held = action.is_none();
        let Some(guest) = &mut self.guest else { return };
        let Some(debugger) = &mut guest.debugger else { return };
        debugger.resumes = true;
        debugger.step = (action == Some(Action::Step)).then(|| Step::from(&guest.regs));
    }

    /// GDB comes, and finds it standing still.
    pub fn attach(&mut self) {
        self.is_attached = !self.has_ended;
        self.guest.iter_mut().for_each(|guest| guest.attach().halt = None);
    }

    /// GDB leaves.
    pub fn detach(&mut self) {
        self.is_attached = false;
        self.is_held = false;
        self.guest.iter_mut().for_each(|guest| guest.detach());
    }
}

/// Cuts `len` bytes at `at` into what a debug register can watch; none if that is too much, or the
/// Switcher's.
fn pieces(at: u32, len: u32, kind: Kind) -> Option<Vec<Breakpoint>> {
    let mut pieces = Vec::new();
    let mut done = 0;
    while done < len {
        let at = at.checked_add(done)?;
        let fits = |size: &u32| at.is_multiple_of(*size) && *size <= len - done;
        let size = [4, 2, 1].into_iter().find(fits)?;
        if pieces.len() == 4 {
            return None;
        }
        pieces.push(Breakpoint::admit(at, kind, size)?);
        done += size;
    }
    Some(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_watched_is_cut_into_aligned_pieces() {
        let sizes = |at, len| {
            let pieces = pieces(at, len, Kind::Write)?;
            Some(pieces.iter().map(|piece| piece.at() - at).collect::<Vec<u32>>())
        };
        assert_eq!(sizes(0x1000, 8), Some(vec![0, 4]));
        assert_eq!(sizes(0x1001, 8), Some(vec![0, 1, 3, 7]));
        assert_eq!(sizes(0x1001, 12), None, "five pieces");
        assert_eq!(sizes(0xFFBF_FFFC, 8), None, "the Switcher's");
        assert_eq!(sizes(0xFFFF_FFFC, u32::MAX), None);
    }
}
