//! The `lguest_data` of this Guest: the notes it shares with the Host.
//!
//! One static area, named to the Host once by its physical address. The Host
//! may write it at any exit, so nobody ever holds a plain reference into it:
//! fields are handed out as atomics, which is what they are. Where a field
//! lies is a question of the year; the entry code fills the area in by the
//! [`Layout`] of the [`Dialect`].
//!
//! Invariants: an offset is that of a layout, and each field handed out is a
//! dword of the area (`word` asserts it).
//!
//! Source: lguest ABI, "struct lguest_data".
//!
//! Next on the tour: [`crate::local`].

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use abi::lguest_data::{self, LAYOUT_A, LAYOUT_B, LAYOUT_C, Layout, NoIrqField, RING_ENTRIES, RING_FREE};
use abi::{GuestPhys, Variant};

use crate::dialect::Dialect;

/// Bytes of the largest layout.
const LEN: u32 = LAYOUT_B.size;

/// What both sides write; the type keeps everyone from borrowing it.
#[repr(transparent)]
pub struct Shared(UnsafeCell<[u32; LEN as usize / 4]>);

// SAFETY: the contents are reached through atomics only, and the Host, which also writes them, runs
// on this same CPU, at the Guest's exits.
unsafe impl Sync for Shared {}

/// The area itself, which the entry code fills in.
pub static DATA: Shared = Shared(UnsafeCell::new([0; LEN as usize / 4]));

/// Offset of the virtual interrupt flag, for the `iret` stub.
pub const IRQ_ENABLED: u32 = lguest_data::IRQ_ENABLED;

/// Offset of `irq_pending` in the layouts that have it.
pub(crate) const IRQ_PENDING: u32 = match LAYOUT_C.irq_pending {
    Some(offset) => offset,
    None => panic!("layout C has the word"),
};

/// Offset of `pgdir` in layout A.
pub(crate) const PGDIR_A: u32 = match LAYOUT_A.pgdir {
    Some(offset) => offset,
    None => panic!("layout A has the word"),
};

/// Where the entry code fills things in: a row for each variant.
#[repr(C)]
pub(crate) struct Places {
    /// Of the first status byte.
    pub(crate) hcall_status: u32,
    /// Of what says where interrupts must not come.
    pub(crate) noirq: u32,
    /// Of `kernel_address`; `syscall_vec` follows it.
    pub(crate) kernel_address: u32,
}

/// The rows, in the order of [`Variant::ALL`].
pub(crate) static PLACES: [Places; Variant::ALL.len()] = [
    Places::of(Variant::AEdx),
    Places::of(Variant::AEbx),
    Places::of(Variant::B),
    Places::of(Variant::C),
    Places::of(Variant::D),
];

impl Places {
    const fn of(variant: Variant) -> Self {
        let layout = variant.layout();
        let noirq = match layout.noirq {
            NoIrqField::Range(offset) | NoIrqField::Iret(offset) => offset,
        };
        Self { hcall_status: layout.hcall_status, noirq, kernel_address: layout.kernel_address }
    }
}

/// Fills the area in for the variant whose number is in EDX, at physical addresses and without a
/// stack. EAX, EBX, ECX, EDX and EDI are used up.
///
/// The end of the no-interrupt range goes first: where there is only one `iret` to name,
/// `kernel_address` takes its place.
macro_rules! fill_in_shared {
    () => {
        "mov ebx, offset {DATA} - {PAGE_OFFSET}
         mov eax, offset noirq_start
         cmp edx, {ONE_IRET}
         jne 2f
         mov eax, offset noirq_iret
     2:  imul edx, edx, {PLACES_LEN}
         add edx, offset {PLACES} - {PAGE_OFFSET}
         mov ecx, [edx + {NOIRQ}]
         mov dword ptr [ebx + ecx + 4], offset noirq_end
         mov [ebx + ecx], eax
         mov ecx, [edx + {KERNEL_ADDRESS}]
         mov dword ptr [ebx + ecx], {PAGE_OFFSET}
         mov dword ptr [ebx + ecx + 4], {SYSCALL_VECTOR}
         mov dword ptr [ebx + {BLOCKED}], 1
         mov edi, [edx + {HCALL_STATUS}]
         add edi, ebx
         mov ecx, {RING_ENTRIES} / 4
         or eax, -1
         rep stosd"
    };
}
pub(crate) use fill_in_shared;

const _: () = assert!(RING_FREE == 0xFF, "fill_in_shared writes all ones");

/// Where the fields lie that moved.
pub fn layout() -> &'static Layout {
    Dialect::current().variant().layout()
}

#[inline(always)]
fn word(offset: u32) -> &'static AtomicU32 {
    assert!(offset.is_multiple_of(4) && offset < LEN);
    // SAFETY: the assertion has seen to alignment and bounds; the static lives forever and is only
    // ever reached as atomics.
    unsafe { AtomicU32::from_ptr(DATA.0.get().byte_add(offset as usize).cast()) }
}

/// The virtual interrupt flag: bit 9.
#[inline(always)]
pub fn irq_enabled() -> &'static AtomicU32 {
    word(IRQ_ENABLED)
}

/// The map of interrupt lines kept waiting.
pub fn blocked_interrupts() -> &'static AtomicU32 {
    word(lguest_data::BLOCKED_INTERRUPTS)
}

/// Whether something waits for the interrupt flag: 0 or bit 9. Layout A has no such word.
pub fn irq_pending() -> Option<&'static AtomicU32> {
    layout().irq_pending.map(word)
}

/// The word that is [`irq_pending`] if there is one; in layout A part of the ring.
#[inline(always)]
pub(crate) fn irq_pending_unless_a() -> &'static AtomicU32 {
    word(IRQ_PENDING)
}

/// The address of the last reflected page fault.
pub fn cr2() -> &'static AtomicU32 {
    word(lguest_data::CR2)
}

/// Wall clock: seconds since 1970.
pub fn time_sec() -> &'static AtomicU32 {
    word(lguest_data::TIME)
}

/// Wall clock: nanoseconds within the second.
pub fn time_nsec() -> &'static AtomicU32 {
    word(lguest_data::TIME + 4)
}

/// Bytes at the top of the linear space that belong to the Switcher.
pub fn reserve_mem() -> &'static AtomicU32 {
    word(layout().reserve_mem)
}

/// Frequency of the TSC in kHz, or 0.
pub fn tsc_khz() -> &'static AtomicU32 {
    word(layout().reserve_mem + 4)
}

/// The page tables the Host made for the start, in the layouts that have such. Linux writes the
/// word later; the kit leaves it as it is.
pub fn pgdir() -> Option<GuestPhys> {
    layout().pgdir.map(|offset| GuestPhys(word(offset).load(Ordering::Relaxed)))
}

/// Where the Host must not interrupt: the `iret` stub, or the `iret` alone.
pub fn noirq() -> core::ops::Range<u32> {
    let at = |offset| word(offset).load(Ordering::Relaxed);
    match layout().noirq {
        NoIrqField::Range(offset) => at(offset)..at(offset + 4),
        NoIrqField::Iret(offset) => at(offset)..at(offset) + 1,
    }
}

/// Status byte of ring slot `index`.
pub fn hcall_status(index: usize) -> &'static AtomicU8 {
    hcall_status_in(layout(), index)
}

/// The record of ring slot `index`: four words in layout A, then five.
pub fn hcall(index: usize) -> &'static [AtomicU32] {
    hcall_in(layout(), index)
}

/// [`hcall_status`] for who knows the layout.
#[inline(always)]
pub(crate) fn hcall_status_in(layout: &Layout, index: usize) -> &'static AtomicU8 {
    assert!(index < RING_ENTRIES && layout.hcall_status as usize + RING_ENTRIES <= LEN as usize);
    let offset = layout.hcall_status as usize + index;
    // SAFETY: in bounds by the assertion; a byte is always aligned; only reached as atomics.
    unsafe { AtomicU8::from_ptr(DATA.0.get().byte_add(offset).cast()) }
}

/// [`hcall`] for who knows the layout.
#[inline(always)]
pub(crate) fn hcall_in(layout: &Layout, index: usize) -> &'static [AtomicU32] {
    assert!(index < RING_ENTRIES && layout.hcalls + RING_ENTRIES as u32 * layout.hcall_len <= LEN);
    let first = word(layout.hcalls + index as u32 * layout.hcall_len);
    // SAFETY: in bounds by the assertion, dwords side by side; an atomic has the layout of its
    // integer; only reached as atomics.
    unsafe { core::slice::from_raw_parts(first, layout.hcall_len as usize / 4) }
}
