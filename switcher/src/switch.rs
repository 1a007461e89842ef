//! The switch itself: `switch.S`, with every number taken from the types.
//!
//! Next on the tour: `switch.S`.

#![expect(bad_asm_style, reason = "in Intel syntax LLVM pushes segment registers as words")]

use core::arch::global_asm;
use core::mem::offset_of;

use crate::{
    BAD_FRAME, ERROR_CODES, FAULT_ON_ENTRY, GuestRegs, HOST_CS, HOST_DS, PrivatePage, STUB_LEN, StatePage,
    SwitcherPages, pages::WATCHED_STACK,
};

/// EFLAGS bit: virtual-8086 mode.
const VM: u32 = 1 << 17;

global_asm!(
    include_str!("switch.S"),
    PAGE_MASK = const !(abi::PAGE_SIZE - 1) as i32,
    PAGE_OFFSET = const abi::PAGE_SIZE - 1,
    STUB = const STUB_LEN,
    HAS_ERROR = const ERROR_CODES,
    DEBUG = const 1,
    NMI = const 2,
    HOST_CS = const HOST_CS,
    HOST_DS = const HOST_DS,
    FAULT_ON_ENTRY = const FAULT_ON_ENTRY,
    BAD_FRAME = const BAD_FRAME,
    VM_IN_BYTE_2 = const VM >> 16,
    NMIS = const offset_of!(SwitcherPages, stack.nmis),
    REGS = const offset_of!(SwitcherPages, stack.regs),
    GS = const offset_of!(GuestRegs, gs),
    FS = const offset_of!(GuestRegs, fs),
    DS = const offset_of!(GuestRegs, ds),
    ES = const offset_of!(GuestRegs, es),
    TRAPNUM = const offset_of!(SwitcherPages, stack.regs) + offset_of!(GuestRegs, trapnum),
    R_TRAPNUM = const offset_of!(GuestRegs, trapnum),
    R_EIP = const offset_of!(GuestRegs, eip),
    R_CS = const offset_of!(GuestRegs, cs),
    R_EFLAGS = const offset_of!(GuestRegs, eflags),
    R_ESP = const offset_of!(GuestRegs, esp),
    ERRCODE_WORD = const offset_of!(GuestRegs, errcode) / 4,
    LAST_WORD = const offset_of!(GuestRegs, ss) / 4,
    HOST_CR3 = const offset_of!(SwitcherPages, state) + offset_of!(StatePage, host_cr3),
    GUEST_GDTR = const offset_of!(SwitcherPages, state) + offset_of!(StatePage, guest_gdtr),
    GUEST_IDTR = const offset_of!(SwitcherPages, state) + offset_of!(StatePage, guest_idtr),
    WATCHED_STACK_END = const offset_of!(SwitcherPages, private)
        + offset_of!(PrivatePage, watched_stack)
        + size_of::<[u32; WATCHED_STACK]>(),
    HOST_ESP = const offset_of!(SwitcherPages, private) + offset_of!(PrivatePage, host_esp),
    HOST_GDTR = const offset_of!(SwitcherPages, private) + offset_of!(PrivatePage, host_gdtr),
    HOST_IDTR = const offset_of!(SwitcherPages, private) + offset_of!(PrivatePage, host_idtr),
);

unsafe extern "fastcall" {
    /// Runs the Guest whose registers lie in `pages` on the page directory `root` until something
    /// ends its turn; then the registers lie there again, with why in `trapnum` and `errcode`.
    ///
    /// # Safety
    /// 1. Interrupts are off and stay off. 2. `pages` are this CPU's, at the linear address they
    ///    were made for, and their private page's GDT, IDT and TSS are the ones in force.
    /// 3. `root` maps the Switcher exactly as [`crate::SwitcherPage::GUEST`] says, and otherwise
    ///    only what the Guest owns. 4. The Guest's EFLAGS, CS and SS in `pages` are fit for ring
    ///    1 or 3: IF set, IOPL, VM, NT clear, both RPLs at least 1.
    #[link_name = "switcher_enter"]
    pub fn enter(pages: *mut SwitcherPages, root: u32);

    /// The same with DR7 holding `control` for as long as no address of the Host's is touched.
    ///
    /// # Safety
    /// As [`enter`], and: 5. No breakpoint that `control` turns on includes an address of the
    /// Switcher's or its pages; GD is clear.
    #[link_name = "switcher_enter_watched"]
    pub fn enter_watched(pages: *mut SwitcherPages, root: u32, control: u32);
}
