//! A segment of one byte is a segment: it can be loaded, kept across an exit, and what goes beyond
//! it is the Guest's own fault, never the Host's. One emulator checks limits and one does not.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::segment_descriptor::SegmentDescriptor;
use kit::{PAGE_OFFSET, probe, segments, trespass};

kit::guest_test!(limit_zero_segment);

const INDEX: u32 = 26;
const SELECTOR: u16 = 26 << 3 | 1;

fn limit_zero_segment() {
    let one_byte = SegmentDescriptor { low: 0, high: 0x0040_B300 };
    segments::set(INDEX, one_byte);
    assert_eq!(probe::load_fs(SELECTOR), Ok(()));
    assert_eq!(trespass::call_with_segments(SELECTOR), [SELECTOR; 4], "across an exit");
    if let Err(fault) = probe::read_segment(SELECTOR, PAGE_OFFSET + 0x10_0000) {
        assert_eq!((fault.vector, fault.code, fault.ring), (13, 0, 1));
    }
    segments::set(INDEX, SegmentDescriptor::flat_data(1));
    assert_eq!(trespass::call_with_segments(SELECTOR), [SELECTOR; 4]);
}
