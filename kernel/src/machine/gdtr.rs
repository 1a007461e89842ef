//! Finding a CPU's own pages when nothing else is certain: by the register that holds its GDT.
//!
//! Next on the tour: [`super::percpu`].

use core::arch::asm;
use core::mem::offset_of;

use switcher::SwitcherPages;
use switcher::descriptor::TablePointer;

/// The Switcher pages of the CPU this runs on, found by its GDT, which lies in the private one.
pub fn pages_by_gdtr() -> *const SwitcherPages {
    let mut gdtr = TablePointer { limit: 0, base: 0 };
    // SAFETY: Stores six bytes, which is what a `TablePointer` has.
    unsafe { asm!("sgdt [{0}]", in(reg) &raw mut gdtr, options(nostack, preserves_flags)) };
    let offset = offset_of!(SwitcherPages, private.gdt) as u32;
    (gdtr.base - offset) as *const SwitcherPages
}
