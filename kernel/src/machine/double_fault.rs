//! The double fault, told by a task of its own.
//!
//! It comes when an exception cannot be delivered, most often because the
//! stack has run into its guard page. So the CPU changes to another TSS: other
//! stack, known CR3, known segments. The registers at the fault are what it
//! saved in the TSS that was loaded.
//!
//! Invariants: it ends the machine; the task is never returned from.
//!
//! Source: Intel SDM Vol. 3, "Task Switching".
//!
//! Next on the tour: [`super::interrupts`].

use core::arch::naked_asm;

use kernel::platform::dump::TrapFrame;
use switcher::descriptor::Tss;

use super::{exceptions, gdtr};

const VECTOR: u32 = 8;

/// Where the task begins.
///
/// ```text
/// high  end of the double-fault stack
///  esp  error code, always 0
/// ```
///
/// # Safety
/// Only the CPU calls it, through the task gate.
#[unsafe(naked)]
pub unsafe extern "C" fn entry() {
    naked_asm!("call {tell}", "ud2", tell = sym tell)
}

extern "C" fn tell(code: u32) -> ! {
    // SAFETY: The pages are mapped wherever this task can run, and the CPU has just finished
    // writing the TSS in them.
    let tss: Tss = unsafe { (&raw const (*gdtr::pages_by_gdtr()).state.tss).read_volatile() };
    let Tss { eax, ebx, ecx, edx, esi, edi, ebp, esp, eip, eflags, cs, ds, es, fs, gs, .. } = tss;
    let frame = TrapFrame {
        edi,
        esi,
        ebp,
        esp_inside: esp,
        ebx,
        edx,
        ecx,
        eax,
        gs,
        fs,
        es,
        ds,
        vector: VECTOR,
        code,
        eip,
        cs,
        eflags,
    };
    exceptions::end(frame, esp)
}
