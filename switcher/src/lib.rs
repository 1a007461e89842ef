//! The Switcher: the only code that runs with a Guest's page tables in ring 0.
//!
//! Host and Guest share no address but these. At the top of every address
//! space lie a page or two of code and, for each CPU, three pages of data. To
//! enter a Guest the Host calls [`enter`] with the CPU's pages and a page
//! directory; whatever ends the Guest's turn, the call returns and the
//! registers lie in [`GuestRegs`].
//!
//! ```text
//! 0xFFC0_0000  text     stubs for 256 vectors, then the switch   read-only
//! 0xFFC1_0000  CPU 0    stack | state | private | hole           rw | ro | absent
//! 0xFFC1_4000  CPU 1    stack | state | private | hole
//! ```
//!
//! Ring 1 counts as supervisor to the page tables and some emulators ignore
//! segment limits, so what a Guest may do here rests on page rights and CR0.WP
//! alone: it may write the stack page (its registers of the last exit, nothing
//! the Host believes), read the state page (what the CPU needs while the Guest
//! runs) and cannot see the private page (what the CPU needs to be the Host).
//!
//! Invariants:
//! - The rights of a page belong to its type ([`SwitcherPage::GUEST`]).
//! - The stack is valid at each instruction of a switch, so an NMI survives
//!   anywhere: the Guest's IDT is in force only while ESP lies in the stack
//!   page or the CPU is in ring 1 or 3.
//! - An exit is one of ring 1, 2 or 3 outside virtual-8086 mode, or it is marked [`BAD_FRAME`]
//!   (`kill_virtual_8086`, `kill_virtual_8086_user`).
//! - The assembly takes each offset from the types in [`pages`].
//!
//! Source: lguest ABI, section "Switcher"; Intel SDM Vol. 3, "Interrupt and
//! Exception Handling".
//!
//! Next on the tour: [`regs`].
#![cfg_attr(not(test), no_std)]

pub mod descriptor;
pub mod pages;
pub mod regs;
#[cfg(target_arch = "x86")]
mod switch;

pub use pages::{GuestAccess, PrivatePage, StackPage, StatePage, SwitcherPage, SwitcherPages};
pub use regs::GuestRegs;
#[cfg(target_arch = "x86")]
pub use switch::{enter, enter_watched};

use abi::lguest_data::SWITCHER_BASE;

/// Where the Switcher's code begins; stub `n` lies at `TEXT + n * STUB_LEN`.
pub const TEXT: u32 = SWITCHER_BASE;
/// Bytes reserved for the code, in every address space.
pub const TEXT_MAX: u32 = 0x1_0000;
/// Bytes from one vector's stub to the next.
pub const STUB_LEN: u32 = 16;
/// CPUs there is room for.
pub const MAX_CPUS: u32 = 8;
/// Bytes from one CPU's pages to the next; the last page of them is a hole.
pub const CPU_STRIDE: u32 = 0x4000;

/// Selector of flat ring-0 code, in the Host's GDT and in every Guest's.
pub const HOST_CS: u16 = 0x50;
/// Selector of flat ring-0 data, in the Host's GDT and in every Guest's.
pub const HOST_DS: u16 = 0x58;
/// Selector of the TSS in the Host's GDT.
pub const TSS_SELECTOR: u16 = 0x80;
/// Selector of the LDT in the Host's GDT: it has one entry, which is null.
pub const LDT_SELECTOR: u16 = 0x88;
/// Selector of the double-fault TSS in the Host's GDT.
pub const DOUBLE_FAULT_TSS_SELECTOR: u16 = 0xF8;

/// Value of [`GuestRegs::trapnum`] bit that says: the fault happened in the Switcher itself, on
/// the way into the Guest; the low byte is the vector.
pub const FAULT_ON_ENTRY: u32 = 0x100;

/// Value of [`GuestRegs::trapnum`] bit that says: the frame was not where a CPU leaves it that runs
/// ring 1, 2 or 3 and no virtual-8086 mode; the low byte is the vector of the stub. The other
/// registers are what was pushed, to be shown to people and not to be believed.
pub const BAD_FRAME: u32 = 0x200;

/// Exceptions for which the CPU pushes an error code, a bit each: 8, 10 to 14 and 17. The stubs
/// of all other vectors push a 0 in its place.
pub const ERROR_CODES: u32 = 1 << 8 | 0b11111 << 10 | 1 << 17;

/// Whether the CPU pushes an error code for `vector`, and its stub counts on one.
pub const fn has_error_code(vector: u8) -> bool {
    vector < 32 && ERROR_CODES >> vector & 1 != 0
}

/// The linear address of a CPU's [`SwitcherPages`], the same in every address space.
pub const fn pages_address(cpu: u32) -> u32 {
    assert!(cpu < MAX_CPUS);
    TEXT + TEXT_MAX + cpu * CPU_STRIDE
}

/// The linear address of a vector's stub.
pub const fn stub_address(vector: u8) -> u32 {
    TEXT + vector as u32 * STUB_LEN
}
