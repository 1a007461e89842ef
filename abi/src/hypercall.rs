//! The numbers a Guest calls the Host by.
//!
//! A hypercall is `int 0x1f` with the call's number in EAX and up to four
//! arguments in EBX, ECX, EDX and ESI. Nothing is returned and every register
//! is preserved. Numbers never changed their meaning from 2.6.25 to 4.13, only
//! the set in use did.
//!
//! Source: lguest ABI, section "Hypercalls".
//!
//! Next on the tour: [`crate::variant`].

/// The interrupt vector of a hypercall.
pub const HYPERCALL_VECTOR: u8 = 0x1F;

/// The first vector of virtual interrupts: line `n` arrives at `FIRST_IRQ_VECTOR + n`.
pub const FIRST_IRQ_VECTOR: u8 = 0x20;

/// Interrupt lines a Guest has.
pub const IRQ_LINES: u8 = 32;

/// The vector of Linux's system call.
pub const SYSCALL_VECTOR: u8 = 0x80;

/// Nothing; its side effect is that the ring of queued calls is emptied.
pub const LHCALL_FLUSH_ASYNC: u32 = 0;
/// First call of all: physical address of the [`lguest_data`](crate::lguest_data).
pub const LHCALL_LGUEST_INIT: u32 = 1;
/// Physical address of the last words, [`SHUTDOWN_POWEROFF`] or [`SHUTDOWN_RESTART`].
pub const LHCALL_SHUTDOWN: u32 = 2;
/// Physical address of a table of descriptors, how many (to 2.6.29).
pub const LHCALL_LOAD_GDT: u32 = 3;
/// Physical address of the top-level page table to switch to.
pub const LHCALL_NEW_PGTABLE: u32 = 4;
/// 0: the user part of this address space; else everything.
pub const LHCALL_FLUSH_TLB: u32 = 5;
/// Vector, low dword, high dword of a gate.
pub const LHCALL_LOAD_IDT_ENTRY: u32 = 6;
/// Selector, stack pointer and pages of the ring-1 stack.
pub const LHCALL_SET_STACK: u32 = 7;
/// The virtual CR0.TS: 0 or not 0.
pub const LHCALL_TS: u32 = 8;
/// Nanoseconds until one timer interrupt; 0 cancels.
pub const LHCALL_SET_CLOCKEVENT: u32 = 9;
/// Sleep until an interrupt.
pub const LHCALL_HALT: u32 = 10;
/// Physical address of a page middle directory, index (PAE only).
pub const LHCALL_SET_PMD: u32 = 13;
/// Top-level table, linear address, entry (and its high dword in PAE).
pub const LHCALL_SET_PTE: u32 = 14;
/// Top-level table, index of the entry that changed.
pub const LHCALL_SET_PGD: u32 = 15;
/// Physical address of three descriptors, CPU number (ignored).
pub const LHCALL_LOAD_TLS: u32 = 16;
/// Physical address that says which device is meant.
pub const LHCALL_NOTIFY: u32 = 17;
/// Index, low dword, high dword of a descriptor.
pub const LHCALL_LOAD_GDT_ENTRY: u32 = 18;
/// Nothing; the exit itself lets pending interrupts in.
pub const LHCALL_SEND_INTERRUPTS: u32 = 19;

/// What a call is named, if there is one of that number.
pub const fn name(number: u32) -> Option<&'static str> {
    Some(match number {
        LHCALL_FLUSH_ASYNC => "FLUSH_ASYNC",
        LHCALL_LGUEST_INIT => "LGUEST_INIT",
        LHCALL_SHUTDOWN => "SHUTDOWN",
        LHCALL_LOAD_GDT => "LOAD_GDT",
        LHCALL_NEW_PGTABLE => "NEW_PGTABLE",
        LHCALL_FLUSH_TLB => "FLUSH_TLB",
        LHCALL_LOAD_IDT_ENTRY => "LOAD_IDT_ENTRY",
        LHCALL_SET_STACK => "SET_STACK",
        LHCALL_TS => "TS",
        LHCALL_SET_CLOCKEVENT => "SET_CLOCKEVENT",
        LHCALL_HALT => "HALT",
        LHCALL_SET_PMD => "SET_PMD",
        LHCALL_SET_PTE => "SET_PTE",
        LHCALL_SET_PGD => "SET_PGD",
        LHCALL_LOAD_TLS => "LOAD_TLS",
        LHCALL_NOTIFY => "NOTIFY",
        LHCALL_LOAD_GDT_ENTRY => "LOAD_GDT_ENTRY",
        LHCALL_SEND_INTERRUPTS => "SEND_INTERRUPTS",
        _ => return None,
    })
}

/// [`LHCALL_SHUTDOWN`]: power off.
pub const SHUTDOWN_POWEROFF: u32 = 1;
/// [`LHCALL_SHUTDOWN`]: start again.
pub const SHUTDOWN_RESTART: u32 = 2;
