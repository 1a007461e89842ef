//! Non-maskable interrupts: counted at once, told later.
//!
//! An NMI may come between any two instructions, in the middle of printing as
//! in the middle of a switch, so its handler does one thing that disturbs
//! nobody. The scheduler tells the person when it gets there.
//!
//! Invariants: the handler uses no register, no lock and only the stack it
//! was given.
//!
//! Source: Intel SDM Vol. 3, "Nonmaskable Interrupt (NMI)".
//!
//! Next on the tour: [`super::double_fault`].

use core::arch::naked_asm;
use core::sync::atomic::{AtomicU32, Ordering};

static NMIS: AtomicU32 = AtomicU32::new(0);

/// The Host's gate for vector 2.
///
/// ```text
/// high  eflags
///       cs
///  esp  eip
/// ```
///
/// # Safety
/// Only the CPU calls it, through the IDT. SS is flat then, whatever DS is.
#[unsafe(naked)]
pub unsafe extern "C" fn entry() {
    naked_asm!("lock inc dword ptr ss:[{NMIS}]", "iretd", NMIS = sym NMIS)
}

/// Counts an NMI that came while a Guest ran.
pub fn note() {
    NMIS.fetch_add(1, Ordering::Relaxed);
}

/// How many came since the last call.
pub fn take() -> u32 {
    NMIS.swap(0, Ordering::Relaxed)
}
