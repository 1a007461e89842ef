//! Where a Guest is: its registers, and who called.
//!
//! Next on the tour: [`super::tables`].

use alloc::vec::Vec;

use abi::{GuestLinear, GuestMemory};
use monitor::registers::{Backtrace, Frame, Registers};
use monitor::symbols::Symbols;
use switcher::GuestRegs;

use crate::guest::Guest;
use crate::look::Space;

/// Frames a back trace has at most.
const FRAMES_MAX: usize = 32;

/// The registers of `guest`.
pub fn registers<M: GuestMemory>(guest: &Guest<M>, symbols: &Symbols<'_>) -> Registers {
    let GuestRegs { eax, ebx, ecx, edx, esi, edi, ebp, esp, eip, eflags, .. } = guest.regs;
    let GuestRegs { cs, ss, ds, es, fs, gs, .. } = guest.regs;
    // The CPU leaves the upper half of a pushed selector as it was.
    let [cs, ss, ds, es, fs, gs] = [cs, ss, ds, es, fs, gs].map(|selector| selector as u16);
    let shared = guest.shared.as_ref();
    Registers {
        eax,
        ebx,
        ecx,
        edx,
        esi,
        edi,
        ebp,
        esp,
        eip,
        eflags,
        cs,
        ss,
        ds,
        es,
        fs,
        gs,
        cr3: Space::of(guest).top.map(|top| top.0),
        ts: guest.task_switched,
        interrupts: shared.and_then(|shared| shared.interrupts_on(&guest.memory).ok()),
        pending: guest.interrupts.pending(),
        halted: guest.before_entry.is_halted(),
        symbol: symbols.describe(eip),
    }
}

/// A register by its name.
pub fn register(name: &str, regs: &GuestRegs) -> Option<u32> {
    Some(match name {
        "eax" => regs.eax,
        "ebx" => regs.ebx,
        "ecx" => regs.ecx,
        "edx" => regs.edx,
        "esi" => regs.esi,
        "edi" => regs.edi,
        "ebp" => regs.ebp,
        "esp" => regs.esp,
        "eip" => regs.eip,
        _ => return None,
    })
}

/// Follows the frame pointers of `guest`, as far as each lies above the one before.
pub fn backtrace<M: GuestMemory>(guest: &Guest<M>, symbols: &Symbols<'_>) -> Backtrace {
    let space = Space::of(guest);
    let frame = |eip, ebp| Frame { eip, ebp, symbol: symbols.describe(eip) };
    let (mut eip, mut ebp) = (guest.regs.eip, guest.regs.ebp);
    let mut frames = Vec::new();
    let end = loop {
        frames.push(frame(eip, ebp));
        let mut pair = [0; 8];
        if frames.len() == FRAMES_MAX {
            break "there may be more";
        }
        if space.read(&guest.memory, GuestLinear(ebp), &mut pair) < pair.len() {
            break "no frame is at this ebp";
        }
        let [next, caller] = [0, 4].map(|at| u32::from_le_bytes([0, 1, 2, 3].map(|n| pair[at + n])));
        if caller == 0 {
            break "the first caller";
        }
        if next <= ebp {
            frames.push(frame(caller, next));
            break "the next frame is not above";
        }
        (eip, ebp) = (caller, next);
    };
    Backtrace { frames, end }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::{ScriptedCpu, running_guest};
    use abi::GuestPhys;

    #[test]
    fn registers_are_told_with_what_stands_in_for_others() {
        let mut guest = running_guest(&mut ScriptedCpu::default());
        (guest.regs.ecx, guest.regs.cs, guest.regs.eip) = (0xCAFE_F00D, 0xFFFF_0061, 0xC010_0004);
        guest.interrupts.raise(3);
        let regs = registers(&guest, &Symbols::new(b"c0100000 T start\n"));
        assert_eq!((regs.ecx, regs.cs, regs.pending, regs.interrupts), (0xCAFE_F00D, 0x61, 8, Some(true)));
        let told = regs.to_string();
        assert!(told.contains("eip c0100004  ring 1  start+0x4\n"), "{told}");
        assert!(told.contains("no page tables yet  interrupts on, lines pending 0x8\n"), "{told}");
    }

    #[test]
    fn a_back_trace_follows_frame_pointers() {
        let mut guest = running_guest(&mut ScriptedCpu::default());
        for (at, next, caller) in [(0x8000, 0x8020, 0x1111), (0x8020, 0x8040, 0x2222), (0x8040, 0, 0)] {
            guest.memory.write_u32(GuestPhys(at), next).unwrap();
            guest.memory.write_u32(GuestPhys(at + 4), caller).unwrap();
        }
        (guest.regs.ebp, guest.regs.eip) = (0x8000, 0x1234);
        let trace = backtrace(&guest, &Symbols::default());
        let eips: Vec<_> = trace.frames.iter().map(|frame| frame.eip).collect();
        assert_eq!((eips.as_slice(), trace.end), ([0x1234, 0x1111, 0x2222].as_slice(), "the first caller"));
    }

    #[test]
    fn a_back_trace_ends_whatever_the_stack_says() {
        let mut guest = running_guest(&mut ScriptedCpu::default());
        guest.regs.ebp = 0xFFFF_FFFE;
        assert_eq!(backtrace(&guest, &Symbols::default()).frames.len(), 1);
        // A frame that leads to itself, and a chain without end.
        guest.regs.ebp = 0x8000;
        guest.memory.write_u32(GuestPhys(0x8000), 0x8000).unwrap();
        guest.memory.write_u32(GuestPhys(0x8004), 1).unwrap();
        assert_eq!(backtrace(&guest, &Symbols::default()).end, "the next frame is not above");
        for at in (0x8000..0xA000).step_by(8) {
            guest.memory.write_u32(GuestPhys(at), at + 8).unwrap();
            guest.memory.write_u32(GuestPhys(at + 4), 1).unwrap();
        }
        assert_eq!(backtrace(&guest, &Symbols::default()).frames.len(), FRAMES_MAX);
    }
}
