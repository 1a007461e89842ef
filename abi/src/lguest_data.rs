//! `lguest_data`: the page of notes a Guest shares with the Host.
//!
//! The Guest keeps it in its own memory and tells its address once, in the
//! first hypercall. From then on the virtual interrupt flag, the mask of
//! blocked interrupts, CR2 and the ring of queued hypercalls live there, where
//! both sides reach them without an exit.
//!
//! ```text
//!  0 irq_enabled | 4 blocked_interrupts | 8 cr2 | 12 time | 20 irq_pending
//! 24 hcall_status[64] | 88 hcalls[64] x 20 bytes | 1368 reserve_mem | tsc_khz
//! 1376 noirq_start noirq_end kernel_address syscall_vec           (layout C)
//! ```
//!
//! The structure grew over the years; the Host works with offsets
//! ([`Layout`]), a Guest with the type of its own year ([`LguestData`]).
//!
//! Invariants: the type and the offsets of layout C agree (asserted below).
//!
//! Source: lguest ABI, section "struct lguest_data".
//!
//! Next on the tour: [`crate::boot_params`].

use core::mem::{offset_of, size_of};

/// The one bit of EFLAGS, and of `irq_enabled`, that means "interrupts are welcome".
pub const IF: u32 = 0x200;

/// Entries of the ring of queued hypercalls.
pub const RING_ENTRIES: usize = 64;

/// Status byte of a ring entry that is free, or done.
pub const RING_FREE: u8 = 0xFF;

/// Status byte of a ring entry that waits for the Host.
pub const RING_READY: u8 = 0;

/// Bytes at the top of the linear space a Guest must leave to the Switcher.
pub const RESERVED_TOP: u32 = 0x40_0000;

/// First linear address that belongs to the Switcher.
pub const SWITCHER_BASE: u32 = RESERVED_TOP.wrapping_neg();

/// `lguest_data` as Guests from 3.1 to 3.19 declare it (layout C).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct LguestData {
    /// Bit 9 is the virtual interrupt flag; the other bits mean nothing.
    pub irq_enabled: u32,
    /// Bit `n` keeps interrupt line `n` waiting.
    pub blocked_interrupts: u32,
    /// Linear address of the last reflected page fault.
    pub cr2: u32,
    /// Wall-clock seconds since 1970.
    pub time_sec: u32,
    /// Nanoseconds within the second.
    pub time_nsec: u32,
    /// [`IF`] while something waits for the virtual interrupt flag, else 0.
    pub irq_pending: u32,
    /// One status byte for each entry of `hcalls`.
    pub hcall_status: [u8; RING_ENTRIES],
    /// The ring: number and four arguments.
    pub hcalls: [[u32; 5]; RING_ENTRIES],
    /// Bytes at the top of the linear space to keep clear of.
    pub reserve_mem: u32,
    /// Frequency of the TSC, 0 if it should not be used.
    pub tsc_khz: u32,
    /// Linear address where the Guest's `iret` stub must not be interrupted.
    pub noirq_start: u32,
    /// First linear address after that.
    pub noirq_end: u32,
    /// Where the kernel half of every address space begins.
    pub kernel_address: u32,
    /// Vector of system calls, [`crate::hypercall::SYSCALL_VECTOR`].
    pub syscall_vec: u32,
}

/// How a Guest says where it must not be interrupted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoIrqField {
    /// Offset of `noirq_start`; `noirq_end` follows it.
    Range(u32),
    /// Offset of `noirq_iret`, the address of one `iret`.
    Iret(u32),
}

/// Where the fields that moved over the years are, in bytes from the start.
///
/// `irq_enabled`, `blocked_interrupts`, `cr2` and `time` never moved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout {
    /// `irq_pending`, if the layout has it.
    pub irq_pending: Option<u32>,
    /// First status byte of the ring.
    pub hcall_status: u32,
    /// First entry of the ring.
    pub hcalls: u32,
    /// Bytes of an entry of the ring: EAX, EBX, ECX, EDX and, if it is 20, ESI.
    pub hcall_len: u32,
    /// `reserve_mem`; `tsc_khz` follows it.
    pub reserve_mem: u32,
    /// `pgdir`, if the layout has it.
    pub pgdir: Option<u32>,
    /// Where interrupts must not come.
    pub noirq: NoIrqField,
    /// `kernel_address`; `syscall_vec` follows it.
    pub kernel_address: u32,
    /// Bytes in all.
    pub size: u32,
}

/// Layout A: Linux 2.6.25 to 2.6.30.
pub const LAYOUT_A: Layout = Layout {
    irq_pending: None,
    hcall_status: 20,
    hcalls: 84,
    hcall_len: 16,
    reserve_mem: 1108,
    pgdir: Some(1116),
    noirq: NoIrqField::Range(1120),
    kernel_address: 1128,
    size: 1136,
};

/// Layout B: Linux 2.6.31 to 3.0.
pub const LAYOUT_B: Layout = Layout {
    pgdir: Some(1376),
    noirq: NoIrqField::Range(1380),
    kernel_address: 1388,
    size: 1396,
    ..LAYOUT_C
};

/// Layout C: Linux 3.1 to 3.19.
pub const LAYOUT_C: Layout = Layout {
    irq_pending: Some(20),
    hcall_status: 24,
    hcalls: 88,
    hcall_len: 20,
    reserve_mem: 1368,
    pgdir: None,
    noirq: NoIrqField::Range(1376),
    kernel_address: 1384,
    size: 1392,
};

/// Layout D: Linux 4.0 to 4.13.
pub const LAYOUT_D: Layout =
    Layout { noirq: NoIrqField::Iret(1376), kernel_address: 1380, size: 1388, ..LAYOUT_C };

/// Offset of `irq_enabled` in every layout.
pub const IRQ_ENABLED: u32 = 0;
/// Offset of `blocked_interrupts` in every layout.
pub const BLOCKED_INTERRUPTS: u32 = 4;
/// Offset of `cr2` in every layout.
pub const CR2: u32 = 8;
/// Offset of `time` in every layout: seconds, then nanoseconds.
pub const TIME: u32 = 12;

const _: () = {
    assert!(size_of::<LguestData>() as u32 == LAYOUT_C.size);
    assert!(offset_of!(LguestData, irq_enabled) as u32 == IRQ_ENABLED);
    assert!(offset_of!(LguestData, blocked_interrupts) as u32 == BLOCKED_INTERRUPTS);
    assert!(offset_of!(LguestData, cr2) as u32 == CR2);
    assert!(offset_of!(LguestData, time_sec) as u32 == TIME);
    assert!(offset_of!(LguestData, irq_pending) == 20);
    assert!(offset_of!(LguestData, hcall_status) as u32 == LAYOUT_C.hcall_status);
    assert!(offset_of!(LguestData, hcalls) as u32 == LAYOUT_C.hcalls);
    assert!(offset_of!(LguestData, reserve_mem) as u32 == LAYOUT_C.reserve_mem);
    assert!(
        matches!(LAYOUT_C.noirq, NoIrqField::Range(at) if at == offset_of!(LguestData, noirq_start) as u32)
    );
    assert!(offset_of!(LguestData, kernel_address) as u32 == LAYOUT_C.kernel_address);
};

impl LguestData {
    /// What a Guest starts with: timer blocked, ring free, the fields the Host fills at zero.
    pub const fn new(kernel_address: u32, noirq_start: u32, noirq_end: u32) -> Self {
        Self {
            irq_enabled: 0,
            blocked_interrupts: 1,
            cr2: 0,
            time_sec: 0,
            time_nsec: 0,
            irq_pending: 0,
            hcall_status: [RING_FREE; RING_ENTRIES],
            hcalls: [[0; 5]; RING_ENTRIES],
            reserve_mem: 0,
            tsc_khz: 0,
            noirq_start,
            noirq_end,
            kernel_address,
            syscall_vec: crate::hypercall::SYSCALL_VECTOR as u32,
        }
    }
}
