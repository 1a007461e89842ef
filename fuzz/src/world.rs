//! A small world: chance alone would rarely hit a page that is mapped.
//!
//! ```text
//!  page  0        1     3            4 5          6 7     8         9       10     13 .. 16
//!        boot     code  lguest_data  directories  tables  pointers  middle  table  boot tables
//!                                    --- two-level ----   --------- PAE ---------
//! ```
//!
//! Each table maps its first sixteen entries to the sixteen pages, in order; of table 6 the last is
//! large, of the PAE table it leads beyond 4 GiB. Any page may be used as anything all the same.

use abi::boot_params::E820_MAP;
use abi::hypercall::LHCALL_LGUEST_INIT;
use abi::lguest_data::{IF, IRQ_ENABLED, NoIrqField, RING_ENTRIES, RING_FREE, RING_READY};
use abi::{GuestMemory, GuestPhys, PAGE_SIZE, Variant};
use kernel::guest::Guest;
use kernel::shadow::entry::{P, PS, U, W};
use libfuzzer_sys::arbitrary::{self, Arbitrary};

use crate::ram::Ram;
use crate::script::{DATA_AT, ENTRY, SharedRam};

/// Whole pages of a Guest's memory.
pub const PAGES: u32 = 16;
/// Bytes of it.
pub const LIMIT: u32 = PAGES * PAGE_SIZE;
/// Directory slots in use: both ends, and around the kernel's usual place.
const SLOTS: [u32; 8] = [0, 1, 2, 0x2FF, 0x300, 0x301, 0x302, 0x3FE];
/// The bytes of `vmcall`, which lie at [`ENTRY`].
const VMCALL: [u8; 3] = [0x0F, 0x01, 0xC1];

/// A word that means something in the small world, or any.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Word {
    /// Any at all.
    Any(u32),
    /// A number of something, an index, a vector.
    Small(u8),
    /// Where a page begins, and a table may.
    Base(u8),
    /// An address in memory, rarely one just beyond: or an entry that names a page, with flags.
    Page(u8, u16),
    /// An address that the tables map.
    Linear(u8, u16),
}

impl Word {
    /// The word itself.
    pub fn get(self) -> u32 {
        match self {
            Self::Any(word) => word,
            Self::Small(word) => word.into(),
            Self::Base(page) => u32::from(page) % PAGES * PAGE_SIZE,
            Self::Page(page, low) => (u32::from(page) % (PAGES + 1) * PAGE_SIZE) | u32::from(low) & 0xFFF,
            Self::Linear(slot, low) => SLOTS[usize::from(slot) % SLOTS.len()] << 22 | u32::from(low),
        }
    }
}

/// Fills memory with tables of both formats.
pub fn populate(ram: &mut Ram) {
    let mut put = |page: u32, offset: u32, to: u32, flags: u32| {
        ram.set_word(page * PAGE_SIZE + offset, (to * PAGE_SIZE) | flags);
    };
    for slot in SLOTS {
        put(4, slot * 4, 6 + slot % 2, P | W | U);
        put(5, slot * 4, 7 - slot % 2, P | W | U);
    }
    for page in 0..PAGES {
        put(6, page * 4, page, P | W | U);
        put(7, page * 4, page, P | W | U);
        put(10, page * 8, page, P | W | U);
    }
    for quarter in 0..4 {
        put(8, quarter * 8, 9, P);
    }
    for half in [0, 1, 2, 0x1FE, 0x1FF] {
        put(9, half * 8, 10, P | W | U);
    }
    let last = PAGES - 1;
    put(6, last * 4, last, P | W | U | PS);
    put(10, last * 8 + 4, 1, 0);
    // NX means nothing.
    put(10, (last - 1) * 8 + 4, 0, 1 << 31);
    ram.set_word(E820_MAP + 8, LIMIT);
    ram.write_from(ENTRY, &VMCALL).expect("the code lies in memory");
}

/// Starts a Guest again, with memory and `lguest_data` as a kernel of `variant` prepares them.
/// Returns EAX to EDX and ESI of its INIT.
pub fn begin(guest: &mut Guest<SharedRam>, variant: Variant, kernel_address: u32) -> [u32; 5] {
    guest.reset(ENTRY);
    let ram = &mut *guest.memory.0.borrow_mut();
    populate(ram);
    let layout = variant.layout();
    ram.0[DATA_AT as usize..][..layout.size as usize].fill(0);
    let mut put = |offset: u32, word: u32| ram.set_word(DATA_AT + offset, word);
    put(IRQ_ENABLED, IF);
    put(4, 1);
    put(layout.kernel_address, kernel_address);
    put(layout.kernel_address + 4, 0x80);
    match layout.noirq {
        NoIrqField::Range(at) => [(at, 0x1100), (at + 4, 0x1110)].map(|(at, word)| put(at, word)),
        NoIrqField::Iret(at) => [put(at, 0x1100), ()],
    };
    ram.0[(DATA_AT + layout.hcall_status) as usize..][..RING_ENTRIES].fill(RING_FREE);
    let by_ebx = if variant == Variant::AEdx { 0 } else { DATA_AT };
    [LHCALL_LGUEST_INIT, by_ebx, 0, DATA_AT, 0]
}

/// Puts a call into entry `slot` of the ring, as a kernel of `variant` does.
pub fn queue(ram: &SharedRam, variant: Variant, slot: u32, call: [u32; 5]) {
    let (ram, layout) = (&mut *ram.0.borrow_mut(), variant.layout());
    for (index, word) in (0..layout.hcall_len / 4).zip(call) {
        ram.set_word(DATA_AT + layout.hcalls + slot * layout.hcall_len + index * 4, word);
    }
    ram.write_u8(GuestPhys(DATA_AT + layout.hcall_status + slot), RING_READY).expect("it lies in memory");
}
