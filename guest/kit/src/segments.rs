//! The GDT, entry by entry.
//!
//! A Guest starts with flat code and data for ring 1 and adds the same for
//! ring 3. The table itself is the Host's; the Guest only says what should be
//! in it, and the Host sees to it that nothing there reaches ring 0. Up to
//! 2.6.29 a Guest says it of all entries at once, and so keeps a table, too.
//!
//! Source: lguest ABI, "GDT" and "Descriptor fix-up".
//!
//! Next on the tour: [`crate::user`].

use abi::{GuestPhys, Variant};

use crate::dialect::Dialect;
use crate::frames::phys_of;
use crate::hypercall::Call;
use crate::lazy;
use crate::local::Local;
use crate::segment_descriptor::{
    KERNEL_CODE, KERNEL_DATA, SegmentDescriptor, TLS_INDEX, USER_CODE, USER_DATA,
};

/// Entries of the GDT.
const ENTRIES: usize = 32;

/// What a Guest that loads all of it keeps.
static TABLE: Local<[SegmentDescriptor; ENTRIES]> = Local::new([SegmentDescriptor::ABSENT; ENTRIES]);

const fn index(selector: u16) -> u32 {
    selector as u32 >> 3
}

/// Loads the four flat segments.
pub(crate) fn init() {
    // All at once: a whole table without the data segment we stand on would be the end.
    put(&[
        (index(KERNEL_CODE), SegmentDescriptor::flat_code(1)),
        (index(KERNEL_DATA), SegmentDescriptor::flat_data(1)),
        (index(USER_CODE), SegmentDescriptor::flat_code(3)),
        (index(USER_DATA), SegmentDescriptor::flat_data(3)),
    ]);
}

/// Puts `segment` into slot `index` of the GDT.
pub fn set(index: u32, segment: SegmentDescriptor) {
    put(&[(index, segment)]);
}

fn put(slots: &[(u32, SegmentDescriptor)]) {
    match Dialect::current().variant() {
        Variant::AEdx => TABLE.with(|table| {
            slots.iter().for_each(|&(index, segment)| table[index as usize] = segment);
            Call::load_gdt(phys_of(table), ENTRIES as u32).make();
        }),
        Variant::AEbx | Variant::B | Variant::C | Variant::D => {
            slots.iter().for_each(|&(index, segment)| Call::load_gdt_entry(index, segment).make());
        }
    }
}

/// Replaces the three descriptors of thread-local storage.
pub fn load_tls(segments: [SegmentDescriptor; 3]) {
    let table = segments.map(|segment| [segment.low, segment.high]);
    let at: GuestPhys = phys_of(&raw const table);
    lazy::batch(|| lazy::issue(Call::load_tls(at))); // the table is gone when this returns
    let slots = TLS_INDEX as usize..TLS_INDEX as usize + segments.len();
    TABLE.with(|table| table[slots].copy_from_slice(&segments)); // it must not come back with the next
}
