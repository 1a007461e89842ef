//! The `lguest_data` of this Guest: the notes it shares with the Host.
//!
//! One static structure, named to the Host once by its physical address. The
//! Host may write it at any exit, so nobody ever holds a plain reference into
//! it: fields are handed out as atomics, which is what they are.
//!
//! Invariants: the offsets come from the type (`offset_of!`), and each field
//! handed out is a dword of it (asserted at compile time).
//!
//! Source: lguest ABI, "struct lguest_data".
//!
//! Next on the tour: [`crate::local`].

use core::cell::UnsafeCell;
use core::mem::{offset_of, size_of};
use core::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use abi::lguest_data::{LguestData, RING_ENTRIES};

use crate::PAGE_OFFSET;

/// What both sides write; the type keeps everyone from borrowing it.
#[repr(transparent)]
pub struct Shared(UnsafeCell<LguestData>);

// SAFETY: the contents are reached through atomics only, and the Host, which also writes them, runs
// on this same CPU, at the Guest's exits.
unsafe impl Sync for Shared {}

/// The structure itself. The entry code fills in where the `iret` stub lies, which no constant
/// expression may ask.
pub static DATA: Shared = Shared(UnsafeCell::new(LguestData::new(PAGE_OFFSET, 0, 0)));

/// Offset of the `iret` stub's range, for the entry code.
pub const NOIRQ_START: usize = offset_of!(LguestData, noirq_start);
/// Offset of the end of that range, for the entry code.
pub const NOIRQ_END: usize = offset_of!(LguestData, noirq_end);
/// Offset of the virtual interrupt flag, for the `iret` stub.
pub const IRQ_ENABLED: usize = offset_of!(LguestData, irq_enabled);

const fn check(offset: usize) -> usize {
    assert!(offset.is_multiple_of(4) && offset < size_of::<LguestData>());
    offset
}

fn word<const OFFSET: usize>() -> &'static AtomicU32 {
    let offset = const { check(OFFSET) };
    // SAFETY: `check` has seen to alignment and bounds; the static lives forever and is only ever
    // reached as atomics.
    unsafe { AtomicU32::from_ptr(DATA.0.get().byte_add(offset).cast()) }
}

/// The virtual interrupt flag: bit 9.
pub fn irq_enabled() -> &'static AtomicU32 {
    word::<{ offset_of!(LguestData, irq_enabled) }>()
}

/// The map of interrupt lines kept waiting.
pub fn blocked_interrupts() -> &'static AtomicU32 {
    word::<{ offset_of!(LguestData, blocked_interrupts) }>()
}

/// Whether something waits for the interrupt flag: 0 or bit 9.
pub fn irq_pending() -> &'static AtomicU32 {
    word::<{ offset_of!(LguestData, irq_pending) }>()
}

/// The address of the last reflected page fault.
pub fn cr2() -> &'static AtomicU32 {
    word::<{ offset_of!(LguestData, cr2) }>()
}

/// Wall clock: seconds since 1970.
pub fn time_sec() -> &'static AtomicU32 {
    word::<{ offset_of!(LguestData, time_sec) }>()
}

/// Wall clock: nanoseconds within the second.
pub fn time_nsec() -> &'static AtomicU32 {
    word::<{ offset_of!(LguestData, time_nsec) }>()
}

/// Bytes at the top of the linear space that belong to the Switcher.
pub fn reserve_mem() -> &'static AtomicU32 {
    word::<{ offset_of!(LguestData, reserve_mem) }>()
}

/// Frequency of the TSC in kHz, or 0.
pub fn tsc_khz() -> &'static AtomicU32 {
    word::<{ offset_of!(LguestData, tsc_khz) }>()
}

/// Where the Host must not interrupt: the `iret` stub.
pub fn noirq() -> core::ops::Range<u32> {
    let [start, end] = [word::<NOIRQ_START>(), word::<NOIRQ_END>()];
    start.load(Ordering::Relaxed)..end.load(Ordering::Relaxed)
}

/// Status byte of ring slot `index`.
pub fn hcall_status(index: usize) -> &'static AtomicU8 {
    assert!(index < RING_ENTRIES);
    let offset = offset_of!(LguestData, hcall_status) + index;
    // SAFETY: in bounds by the assertion; a byte is always aligned; only reached as atomics.
    unsafe { AtomicU8::from_ptr(DATA.0.get().byte_add(offset).cast()) }
}

/// Number and arguments of ring slot `index`.
pub fn hcall(index: usize) -> &'static [AtomicU32; 5] {
    assert!(index < RING_ENTRIES);
    let offset = offset_of!(LguestData, hcalls) + index * size_of::<[u32; 5]>();
    // SAFETY: in bounds by the assertion and dword-aligned as the array is; an atomic has the layout
    // of its integer; only reached as atomics.
    unsafe { &*DATA.0.get().byte_add(offset).cast() }
}
