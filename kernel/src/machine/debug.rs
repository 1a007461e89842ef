//! The real debug registers.
//!
//! DR7 is clear whenever the Host runs; the Switcher sets it for a Guest and
//! clears it again ([`switcher::enter_watched`]). The addresses may stay, and
//! DR6 says what the last #DB was about until somebody takes it.
//!
//! Between the Switcher's two instructions there is one way to Host code: an
//! NMI. Its handler's addresses may be a Guest's breakpoints, so a #DB in ring 0
//! is no mistake of anybody's: the breakpoints are turned off and it goes on.
//!
//! Invariants: a #DB in the Host ends nothing and tells nothing
//! (`a_storm_of_nmis_harms_neither_guest_nor_host`, in the boot tests).
//!
//! Source: Intel SDM Vol. 3, "Debug Registers", "Resume Flag".
//!
//! Next on the tour: [`super::nmi`].

use core::arch::{asm, naked_asm};

use kernel::cpu::eflags::RF;
use kernel::guest::debug_registers::STATUS_RESET;

/// Puts addresses into DR0 to DR3, where they mean nothing while DR7 is clear.
pub fn set_addresses([dr0, dr1, dr2, dr3]: [u32; 4]) {
    // SAFETY: Ring 0 may, GD is clear, and no breakpoint is on.
    unsafe {
        asm!(
            "mov dr0, {}", "mov dr1, {}", "mov dr2, {}", "mov dr3, {}",
            in(reg) dr0, in(reg) dr1, in(reg) dr2, in(reg) dr3, options(nostack, nomem, preserves_flags)
        );
    }
}

/// Takes the bits that DR6 has got since the last call.
pub fn take_status() -> u32 {
    let status: u32;
    // SAFETY: Ring 0 may; writing DR6 does nothing but to be read later.
    unsafe {
        asm!("mov {}, dr6", out(reg) status, options(nostack, nomem, preserves_flags));
        asm!("mov dr6, {}", in(reg) STATUS_RESET, options(nostack, nomem, preserves_flags));
    }
    status & !STATUS_RESET
}

/// The Host's gate for vector 1: no breakpoint is on any more, and the instruction that hit one goes
/// on.
///
/// ```text
/// high  eflags
///       cs
///  esp  eip
/// ```
///
/// # Safety
/// Only the CPU calls it, through the IDT. SS is flat then.
#[unsafe(naked)]
pub unsafe extern "C" fn entry() {
    naked_asm!(
        "push eax", "xor eax, eax", "mov dr7, eax", "pop eax",
        "or dword ptr ss:[esp + 8], {RF}", "iretd",
        RF = const RF
    )
}
