//! The GDT, entry by entry.
//!
//! A Guest starts with flat code and data for ring 1 and adds the same for
//! ring 3. The table itself is the Host's; the Guest only says what should be
//! in it, and the Host sees to it that nothing there reaches ring 0.
//!
//! Source: lguest ABI, "GDT" and "Descriptor fix-up".
//!
//! Next on the tour: [`crate::user`].

use abi::GuestPhys;

use crate::frames::phys_of;
use crate::hypercall::Call;
use crate::lazy;
use crate::segment_descriptor::{KERNEL_CODE, KERNEL_DATA, SegmentDescriptor, USER_CODE, USER_DATA};

const fn index(selector: u16) -> u32 {
    selector as u32 >> 3
}

/// Loads the four flat segments.
pub(crate) fn init() {
    set(index(KERNEL_CODE), SegmentDescriptor::flat_code(1));
    set(index(KERNEL_DATA), SegmentDescriptor::flat_data(1));
    set(index(USER_CODE), SegmentDescriptor::flat_code(3));
    set(index(USER_DATA), SegmentDescriptor::flat_data(3));
}

/// Puts `segment` into slot `index` of the GDT.
pub fn set(index: u32, segment: SegmentDescriptor) {
    Call::load_gdt_entry(index, segment).make();
}

/// Replaces the three descriptors of thread-local storage.
pub fn load_tls(segments: [SegmentDescriptor; 3]) {
    let table = segments.map(|segment| [segment.low, segment.high]);
    let at: GuestPhys = phys_of(&raw const table);
    lazy::batch(|| lazy::issue(Call::load_tls(at))); // the table is gone when this returns
}
