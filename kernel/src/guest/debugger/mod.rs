//! What a debugger wants of one Guest, and what came of it.
//!
//! While a debugger is attached, every exception and system call of the Guest
//! goes by way of the Host, so that nothing of the debugger's gets into a frame
//! the Guest can read. Breakpoints are of two kinds: an `int3` in place of a
//! byte of the Guest's memory, and the debug registers.
//!
//! Invariants:
//! - An `int3` is taken away only where it still stands
//!   (`what_the_guest_has_overwritten_stays`).
//! - Reading shows what the Guest put there (`what_is_read_has_no_breakpoints_in_it`).
//!
//! Next on the tour: `watched.rs`.

pub mod step;

use abi::{GuestLinear, GuestMemory, GuestPhys};
use alloc::vec::Vec;
use arrayvec::ArrayVec;
use switcher::GuestRegs;

use self::step::Step;
use super::debug_registers::Breakpoint;
use crate::shadow::look::Space;

/// The instruction `int3`.
pub const INT3: u8 = 0xCC;
/// Breakpoints in memory there may be: each is looked at for each byte that is read.
const MOST: usize = 256;

/// Why a Guest has stopped for its debugger.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Halt {
    /// The instruction it was asked to execute is executed, or its handler is about to begin.
    Stepped,
    /// A breakpoint in memory.
    Software,
    /// A breakpoint in a debug register.
    Hardware(Breakpoint),
    /// It has started again: breakpoints in memory are gone with what was there.
    Restarted,
}

/// A breakpoint in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Planted {
    at: GuestLinear,
    place: GuestPhys,
    /// What is to be there.
    byte: u8,
}

/// A debugger's view of a Guest.
#[derive(Default)]
pub struct Debugger {
    planted: Vec<Planted>,
    /// Breakpoints for debug registers.
    pub hardware: ArrayVec<Breakpoint, 4>,
    /// The one instruction it shall execute.
    pub step: Option<Step>,
    /// It goes on from where it was stopped: a breakpoint on that instruction does not count.
    pub resumes: bool,
    /// Why it has stopped.
    pub halt: Option<Halt>,
    /// It has executed an `int3`, and whose that is has to be found out.
    pub is_trapped: bool,
    /// Where it has pushed EFLAGS with a TF that is not its own.
    pub pushed_at: Option<GuestLinear>,
    /// An exception of its own it has to have when it goes on: vector and error code.
    pub owes: Option<(u8, u32)>,
}

impl Debugger {
    /// Its Guest starts again in fresh memory, where no `int3` stands.
    pub fn start_again(&mut self) {
        let hardware = core::mem::take(&mut self.hardware);
        *self = Self { hardware, halt: Some(Halt::Restarted), ..Self::default() };
    }

    /// Puts an `int3` at `at`; false if there is no memory, or are too many.
    pub fn plant(&mut self, memory: &mut impl GuestMemory, space: Space, at: GuestLinear) -> bool {
        let Ok(place) = space.translate(memory, at) else { return false };
        if self.planted.iter().any(|planted| planted.at == at && planted.place == place) {
            return true;
        }
        // Under another address it may be there already.
        let shared = self.planted.iter().find(|planted| planted.place == place).map(|planted| planted.byte);
        let byte = shared.map_or_else(|| memory.read_u8(place), Ok);
        let Ok(byte) = byte else { return false };
        if self.planted.len() == MOST || memory.write_u8(place, INT3).is_err() {
            return false;
        }
        self.planted.push(Planted { at, place, byte });
        true
    }

    /// Takes the `int3` at `at` away, if it is still there; false if none was planted.
    pub fn uproot(&mut self, memory: &mut impl GuestMemory, at: GuestLinear) -> bool {
        let Some(index) = self.planted.iter().position(|planted| planted.at == at) else { return false };
        let gone = self.planted.swap_remove(index);
        if self.planted.iter().all(|planted| planted.place != gone.place) {
            restore(memory, gone);
        }
        true
    }

    /// Takes every `int3` away.
    pub fn uproot_all(&mut self, memory: &mut impl GuestMemory) {
        self.planted.drain(..).for_each(|planted| restore(memory, planted));
    }

    /// The Guest has these registers: if it was to execute one instruction and that one is behind it, it
    /// has stopped, unless a handler is still to be entered.
    pub fn notice_progress(&mut self, regs: &GuestRegs) {
        if self.owes.is_none() && self.step.is_some_and(|step| step.is_behind(regs)) {
            self.halt.get_or_insert(Halt::Stepped);
        }
    }

    /// Whether the byte at `place` is an `int3` of the debugger's.
    pub fn is_planted(&self, place: GuestPhys) -> bool {
        self.planted.iter().any(|planted| planted.place == place)
    }

    /// Reads what the Guest has at `at`; returns how many bytes there were.
    pub fn read(&self, memory: &impl GuestMemory, space: Space, at: GuestLinear, into: &mut [u8]) -> usize {
        let count = space.read(memory, at, into);
        for (offset, byte) in into[..count].iter_mut().enumerate().filter(|(_, byte)| **byte == INT3) {
            let place = space.translate(memory, GuestLinear(at.0.wrapping_add(offset as u32)));
            let planted = self.planted.iter().find(|planted| Ok(planted.place) == place);
            *byte = planted.map_or(*byte, |planted| planted.byte);
        }
        count
    }

    /// Writes to `at` what the Guest shall have there; false if not all of it has a place.
    pub fn write(
        &mut self,
        memory: &mut impl GuestMemory,
        space: Space,
        at: GuestLinear,
        from: &[u8],
    ) -> bool {
        let count = space.write(memory, at, from);
        for (offset, byte) in from[..count].iter().enumerate() {
            let place = space.translate(memory, GuestLinear(at.0.wrapping_add(offset as u32)));
            for planted in self.planted.iter_mut().filter(|planted| Ok(planted.place) == place) {
                planted.byte = *byte;
                // It was there a moment ago.
                let _ = memory.write_u8(planted.place, INT3);
            }
        }
        count == from.len()
    }
}

/// Puts back what an `int3` stands for, unless the Guest has put something else there.
fn restore(memory: &mut impl GuestMemory, planted: Planted) {
    if memory.read_u8(planted.place) == Ok(INT3) {
        // Reading it has shown that it is inside.
        let _ = memory.write_u8(planted.place, planted.byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::Ram;
    use crate::shadow::walk::Format;

    const LINEAR: Space = Space { format: Format::TwoLevel, top: None };
    const AT: GuestLinear = GuestLinear(0x1001);

    fn planted() -> (Ram, Debugger) {
        let (mut ram, mut debugger) = (Ram::new(0x2000), Debugger::default());
        ram.write_from(GuestPhys(0x1000), &[1, 2, 3]).unwrap();
        assert!(debugger.plant(&mut ram, LINEAR, AT));
        (ram, debugger)
    }

    fn bytes(ram: &Ram) -> [u8; 3] {
        let mut bytes = [0; 3];
        ram.read_into(GuestPhys(0x1000), &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_breakpoint_comes_and_goes() {
        let (mut ram, mut debugger) = planted();
        assert_eq!(bytes(&ram), [1, INT3, 3]);
        assert!(debugger.is_planted(GuestPhys(0x1001)) && !debugger.is_planted(GuestPhys(0x1000)));
        assert!(debugger.plant(&mut ram, LINEAR, AT), "twice is once");
        assert!(debugger.uproot(&mut ram, AT) && !debugger.uproot(&mut ram, AT));
        assert_eq!(bytes(&ram), [1, 2, 3]);
    }

    #[test]
    fn what_is_read_has_no_breakpoints_in_it() {
        let (ram, debugger) = planted();
        let mut read = [0; 3];
        assert_eq!(debugger.read(&ram, LINEAR, GuestLinear(0x1000), &mut read), 3);
        assert_eq!(read, [1, 2, 3]);
        assert_eq!(debugger.read(&ram, LINEAR, GuestLinear(0x1FFE), &mut read), 2);
    }

    #[test]
    fn what_is_written_lies_below_the_breakpoints() {
        let (mut ram, mut debugger) = planted();
        assert!(debugger.write(&mut ram, LINEAR, GuestLinear(0x1000), &[7, 8, 9]));
        assert_eq!(bytes(&ram), [7, INT3, 9]);
        debugger.uproot_all(&mut ram);
        assert_eq!(bytes(&ram), [7, 8, 9]);
        assert!(!debugger.write(&mut ram, LINEAR, GuestLinear(0x1FFE), &[7, 8, 9]));
    }

    #[test]
    fn what_the_guest_has_overwritten_stays() {
        let (mut ram, mut debugger) = planted();
        ram.write_u8(GuestPhys(0x1001), 0x55).unwrap();
        assert!(debugger.uproot(&mut ram, AT));
        assert_eq!(bytes(&ram), [1, 0x55, 3]);
    }

    #[test]
    fn a_breakpoint_nowhere_is_refused() {
        let (mut ram, mut debugger) = planted();
        assert!(!debugger.plant(&mut ram, LINEAR, GuestLinear(0x2000)));
        assert!(!debugger.plant(&mut ram, LINEAR, GuestLinear(u32::MAX)));
    }
}
