//! Probes of selectors: what a segment register takes, and what comes of it.
//!
//! Next on the tour: [`crate::segments`].

use core::arch::asm;

use super::{Probed, outcome};

/// Raises vector 11 by software while ES holds `selector`, which must be of flat data.
///
/// # Errors
/// The exception, if the gate is closed to software.
pub fn segment_not_present_with_es(selector: u16) -> Probed {
    // SAFETY: ES stays flat and is put back; a fault lands behind the instruction.
    unsafe {
        asm!(
            "push ds",
            "mov es, {selector:e}",
            "2: int 11",
            "3: pop es",
            ".pushsection .fixups, \"a\"", ".long 2b, 3b", ".popsection",
            selector = in(reg) u32::from(selector),
        );
    }
    outcome(())
}

/// Loads `selector` into FS and empties it again.
///
/// # Errors
/// The exception, if it faults.
pub fn load_fs(selector: u16) -> Probed {
    // SAFETY: no code of this Guest uses FS; a fault lands behind the load.
    unsafe {
        guarded!("mov fs, {selector:e}", selector = in(reg) u32::from(selector));
        asm!("mov fs, {null:e}", null = in(reg) 0u32);
    }
    outcome(())
}

/// Sleeps with `selector` in FS until an interrupt, and empties it again.
///
/// # Errors
/// The exception, if the selector cannot be loaded.
pub fn halt_with_fs(selector: u16) -> Probed {
    // SAFETY: no code of this Guest uses FS; a fault lands behind the load.
    unsafe {
        guarded!("mov fs, {selector:e}", selector = in(reg) u32::from(selector));
        crate::hypercall::halt();
        asm!("mov fs, {null:e}", null = in(reg) 0u32);
    }
    outcome(())
}

/// Reads the dword at `offset` in the segment `selector`, through FS.
///
/// # Errors
/// The exception, if it faults.
pub fn read_segment(selector: u16, offset: u32) -> Probed<u32> {
    let value: u32;
    // SAFETY: no code of this Guest uses FS, and a load changes nothing; each fault lands behind
    // its instruction.
    unsafe {
        guarded!("mov fs, {selector:e}", selector = in(reg) u32::from(selector));
        guarded!("mov {value}, fs:[{offset}]", offset = in(reg) offset, value = inout(reg) 0 => value);
        asm!("mov fs, {null:e}", null = in(reg) 0u32);
    }
    outcome(value)
}

/// Calls through `selector`, which should be no way to anywhere.
///
/// # Errors
/// The exception, if it faults.
pub fn far_call(selector: u16) -> Probed {
    let pointer = [0, u32::from(selector)];
    // SAFETY: the CPU refuses the selector, and the fault lands behind the call.
    unsafe { guarded!("call fword ptr [{pointer}]", pointer = in(reg) &raw const pointer) };
    outcome(())
}
