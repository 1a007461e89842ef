//! Probes of the ways into another mode of the CPU.
//!
//! Next on the tour: `probe/selectors.rs`.

use core::arch::asm;

use super::{Probed, outcome};

/// Returns from an interrupt with a frame as ring 0 enters virtual-8086 mode by, at `cs:eip` there, with
/// every register of segments zero.
///
/// # Errors
/// The exception where `iret` heeds VM in ring 0 only: it takes `cs` for a selector.
///
/// # Panics
/// If `cs` is a selector that may name a descriptor: who knows where that would lead?
pub fn enter_virtual_8086(eflags: u32, cs: u16, eip: u32) -> Probed {
    assert!(cs < 4 || cs & 4 == 0 && cs >= 0x100, "{cs:#x} may be a selector");
    // SAFETY: the CPU refuses the selector and the fault lands behind the instruction, with the stack put
    // back; or this does not come back.
    unsafe {
        asm!(
            "mov {stack}, esp",
            "push 0", // gs fs ds es ss esp
            "push 0",
            "push 0",
            "push 0",
            "push 0",
            "push 0",
            "push {eflags}",
            "push {cs}",
            "push {eip}",
            "2: iretd",
            "3: mov esp, {stack}",
            ".pushsection .fixups, \"a\"", ".long 2b, 3b", ".popsection",
            stack = out(reg) _, eflags = in(reg) eflags, cs = in(reg) u32::from(cs), eip = in(reg) eip,
        );
    }
    outcome(())
}
