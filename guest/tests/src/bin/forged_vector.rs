//! `int 11` pushes no error code, but the stub of vector 11 counts on one. If a Guest could open
//! that stub to software, the frame would be read a dword off and the selector in ES taken for the
//! vector: 0x12 for a machine check, 0x20 for a device of the Host. The hunt is for that.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::gate::GateKind;
use kit::segment_descriptor::SegmentDescriptor;
use kit::traps::Exception;
use kit::{probe, segments, traps};

kit::guest_test!(forged_vector);

const SEGMENT_NOT_PRESENT: u8 = 11;

fn forged_vector() {
    for dpl in [1, 3] {
        traps::load_gate(SEGMENT_NOT_PRESENT, GateKind::Interrupt, dpl);
        for index in [2, 4] {
            segments::set(index, SegmentDescriptor::flat_data(3));
            let raised = probe::segment_not_present_with_es((index << 3) as u16 | 2);
            let closed = matches!(raised, Err(Exception { vector: 13, code: 0x5A, .. }));
            assert!(closed, "gate of ring {dpl}, ES of entry {index}: {raised:x?}");
        }
    }
}
