//! Who called: the chain of frame pointers, through traps, as far as it can be believed.
//!
//! A kernel that keeps frame pointers has a chain on its stack. Code that does
//! not keep them uses EBP for something else, so nothing is believed that does
//! not look like a frame.
//!
//! ```text
//!   ebp --> | ebp of the caller | return address | ... | eip | cs | eflags | ...
//!            above this one       behind a call          a trap came here
//! ```
//!
//! A handler keeps the EBP of what it has interrupted, so its chain leads on to
//! the caller of that; between the two lies the frame that the trap has pushed,
//! and it is known by its selector and its flags.
//!
//! Invariants:
//! - However the stack looks, the walk ends and says why
//!   (`a_back_trace_ends_whatever_the_stack_says`).
//! - What is no return address is not shown as one (`what_is_not_behind_a_call_is_no_caller`).
//!
//! Next on the tour: [`super::tables`].

use alloc::vec::Vec;

use abi::{GuestLinear, GuestMemory};
use monitor::registers::{Backtrace, Frame};
use monitor::symbols::Symbols;

use crate::guest::Guest;
use crate::guest::segment::KERNEL_CS;
use crate::shadow::look::Space;

/// Frames a back trace has at most.
const FRAMES_MAX: usize = 32;
/// Bytes of a frame at most; a kernel's stack is no longer.
const FRAME_LEN: u32 = 0x1_0000;
/// Words above a frame in which a trap's is looked for: arguments, registers, what the CPU pushes.
const TRAP_WORDS: usize = 32;
/// EFLAGS in a frame: the bit that is always one, and those that are always zero.
const EFLAGS_ALWAYS: u32 = 1 << 1;
const EFLAGS_NEVER: u32 = 1 << 3 | 1 << 5 | 1 << 15 | 1 << 17 | 0xFFC0_0000;
/// Why a chain ends where there is none.
const NO_FRAME: &str = "ebp leads to no frame: this code keeps no frame pointers";
/// Bytes of the longest call that names a register or a place in memory.
const CALL_LEN: usize = 7;

/// What lies in the stack.
struct Stack<'a, M> {
    memory: &'a M,
    space: Space,
}

impl<M: GuestMemory> Stack<'_, M> {
    /// `N` words at `at`, unless they cannot all be read.
    fn words<const N: usize>(&self, at: u32) -> Option<[u32; N]> {
        let mut bytes = [[0; 4]; N];
        let all = bytes.as_flattened_mut();
        (self.space.read(self.memory, GuestLinear(at), all) == all.len())
            .then(|| bytes.map(u32::from_le_bytes))
    }

    /// Whether a call ends at `at`: it is five bytes and begins with E8, or two to seven with FF.
    fn is_behind_call(&self, at: u32) -> bool {
        let mut code = [0; CALL_LEN];
        let from = GuestLinear(at.wrapping_sub(CALL_LEN as u32));
        if self.space.read(self.memory, from, &mut code) < CALL_LEN {
            return false;
        }
        let is_indirect = |len: &usize| {
            let call = &code[CALL_LEN - len..];
            call[0] == 0xFF && call[1] >> 3 & 7 == 2
        };
        code[CALL_LEN - 5] == 0xE8 || (2..=CALL_LEN).any(|len| is_indirect(&len))
    }

    /// EIP and CS of the trap whose frame lies between `from` and `to`, if there is one.
    fn trap(&self, from: u32, to: u32) -> Option<(u32, u32)> {
        let words = (to.wrapping_sub(from) / 4).min(TRAP_WORDS as u32);
        (0..words.saturating_sub(2)).find_map(|number| {
            let [eip, cs, eflags] = self.words(from.wrapping_add(4 * number))?;
            let is_selector = matches!(cs & 0xFFFF, KERNEL_CS | USER_CS);
            let are_flags = eflags & EFLAGS_ALWAYS != 0 && eflags & EFLAGS_NEVER == 0;
            let is_code = || self.words::<1>(eip).is_some();
            (is_selector && are_flags && is_code()).then_some((eip, cs & 0xFFFF))
        })
    }
}

/// CS of programs in ring 3.
const USER_CS: u32 = 0x73;

/// Follows the frame pointers of `guest`.
pub fn backtrace<M: GuestMemory>(guest: &Guest<M>, symbols: &Symbols<'_>) -> Backtrace {
    let stack = Stack { memory: &guest.memory, space: guest.shadow.space() };
    let frame = |eip, ebp| Frame { eip, ebp, symbol: symbols.describe(eip), trap: false };
    let mut ebp = guest.regs.ebp;
    let mut frames: Vec<Frame> = [frame(guest.regs.eip, ebp)].into();
    let mut below = guest.regs.esp;
    let end = loop {
        if frames.len() >= FRAMES_MAX {
            break "there may be more";
        }
        if ebp == 0 {
            break "the first caller";
        }
        let is_above = ebp >= below && ebp - below <= FRAME_LEN && ebp.is_multiple_of(4);
        if !is_above {
            break NO_FRAME;
        }
        let Some([next, caller]) = stack.words(ebp) else { break "no frame is at this ebp" };
        if caller == 0 {
            break "the first caller";
        }
        if !stack.is_behind_call(caller) {
            break NO_FRAME;
        }
        frames.push(frame(caller, next));
        below = ebp + 8;
        let top = if next > below { next } else { below.saturating_add(4 * TRAP_WORDS as u32) };
        if let Some((eip, cs)) = stack.trap(below, top) {
            frames.push(Frame { trap: true, ..frame(eip, next) });
            if cs & 3 == 3 {
                break "the trap came from ring 3";
            }
        }
        ebp = next;
    };
    Backtrace { frames, end }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::{Ram, ScriptedCpu, running_guest};
    use abi::GuestPhys;

    /// Where code is that has called, by a direct call.
    const CALLED: [u32; 3] = [0x1100, 0x1200, 0x1300];

    /// A Guest with the words `stack` at its ESP, 0x8000, and calls in front of [`CALLED`].
    fn with_stack(ebp: u32, stack: &[u32]) -> Guest<Ram> {
        let mut guest = running_guest(&mut ScriptedCpu::default());
        for (at, word) in (0x8000..).step_by(4).zip(stack) {
            guest.memory.write_u32(GuestPhys(at), *word).unwrap();
        }
        CALLED.iter().for_each(|at| guest.memory.write_u8(GuestPhys(at - 5), 0xE8).unwrap());
        (guest.regs.ebp, guest.regs.esp, guest.regs.eip) = (ebp, 0x8000, 0x1234);
        guest
    }

    fn walked(guest: &Guest<Ram>) -> (Vec<u32>, &'static str) {
        let trace = backtrace(guest, &Symbols::default());
        (trace.frames.iter().map(|frame| frame.eip).collect(), trace.end)
    }

    #[test]
    fn a_back_trace_follows_frame_pointers() {
        let stack = [0x8010, CALLED[0], 0, 0, 0x8020, CALLED[1], 0, 0, 0, 0];
        assert_eq!(walked(&with_stack(0x8000, &stack)), (vec![0x1234, 0x1100, 0x1200], "the first caller"));
    }

    #[test]
    fn a_trap_leads_to_what_it_has_interrupted() {
        // A handler, called by a stub that has pushed registers above what the CPU pushes.
        let handler = [0x8040, CALLED[0], 1, 2, 3, 4, 0, 0x1500, KERNEL_CS, 0x246, 5, 6, 7, 8, 9, 10];
        let stack = [&handler[..], &[0, CALLED[1]]].concat();
        let guest = with_stack(0x8000, &stack);
        assert_eq!(walked(&guest), (vec![0x1234, 0x1100, 0x1500, 0x1200], "the first caller"));
        let trace = backtrace(&guest, &Symbols::default());
        assert_eq!(
            trace.frames.iter().map(|frame| frame.trap).collect::<Vec<_>>(),
            [false, false, true, false]
        );
        let mut user = stack;
        user[8] = USER_CS;
        assert_eq!(walked(&with_stack(0x8000, &user)).1, "the trap came from ring 3");
    }

    #[test]
    fn what_is_not_behind_a_call_is_no_caller() {
        assert_eq!(walked(&with_stack(0x8000, &[0x8010, 0x1400])), (vec![0x1234], NO_FRAME));
        let mut guest = with_stack(0x8000, &[0, 0x1400]);
        guest.memory.write_from(GuestPhys(0x13FD), &[0xFF, 0x55, 0x08]).unwrap(); // call [ebp + 8]
        assert_eq!(walked(&guest), (vec![0x1234, 0x1400], "the first caller"));
    }

    #[test]
    fn a_back_trace_ends_whatever_the_stack_says() {
        for ebp in [0xFFFF_FFFE, 0x7FFC, 0x8002, 0x2_0000] {
            assert_eq!(walked(&with_stack(ebp, &[])), (vec![0x1234], NO_FRAME), "{ebp:#x}");
        }
        // A frame that leads to itself, and a chain without end.
        assert_eq!(walked(&with_stack(0x8000, &[0x8000, CALLED[0]])).1, NO_FRAME);
        let chain: Vec<u32> = (0..0x400).flat_map(|n| [0x8008 + 8 * n, CALLED[0]]).collect();
        let (eips, end) = walked(&with_stack(0x8000, &chain));
        assert_eq!((eips.len(), end), (FRAMES_MAX, "there may be more"));
        assert_eq!(walked(&with_stack(0xFFFC, &[])).1, "no frame is at this ebp", "the memory ends there");
    }
}
