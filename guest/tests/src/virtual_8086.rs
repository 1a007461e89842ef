//! What Guests that try to get into virtual-8086 mode want to find there.
//!
//! Next on the tour: `src/bin/kill_virtual_8086.rs`.

use kit::frames::Frame;
use kit::page_table::Entry;
use kit::paging::Root;
use kit::{GuestLinear, PAGE_SIZE, probe};

use crate::number;

/// EFLAGS bit: virtual-8086 mode.
pub const VM: u32 = 1 << 17;
/// IOPL 3, IF clear.
const FLAGS: u32 = 0x3012;
/// Its segment begins at 64 KiB.
const CS: u32 = 0x1000;
/// `jmp $`, twice.
const LOOPS: u32 = 0xFEEB_FEEB;

/// How it would begin there.
pub struct Start {
    /// EFLAGS.
    pub flags: u32,
    /// CS.
    pub cs: u16,
    /// EIP.
    pub eip: u32,
}

/// As the command line says, with an endless loop at the place, open to ring 3. The kernel has touched
/// it, so it lies in the Host's tables too.
pub fn lay_out() -> Start {
    let flags = number("flags", FLAGS);
    let cs = number("cs", CS) as u16;
    let eip = number("eip", 0);
    let at = GuestLinear((u32::from(cs) << 4) + (eip & 0xFFFF));
    let code = Frame::alloc();
    code.fill(LOOPS);
    for page in [at.page_base(), GuestLinear(at.page_base().0 + PAGE_SIZE)] {
        Root::current().map(page, &code, Entry::KERNEL | Entry::US);
        assert_eq!(probe::read(page), Ok(LOOPS), "the kernel may look at it, wherever it is");
    }
    core::mem::forget(code); // it stays mapped
    Start { flags, cs, eip }
}
