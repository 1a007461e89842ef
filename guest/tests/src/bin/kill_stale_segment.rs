//! A segment register that lost its descriptor keeps the Guest from being entered again. The fault
//! happens in ring 0, on the way in, and must be the Guest's end, not the Host's.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::segment_descriptor::SegmentDescriptor;
use kit::{report, segments, trespass};

kit::guest_test!(kill_stale_segment);

const INDEX: u32 = 26;
const SELECTOR: u16 = 26 << 3 | 1;

fn kill_stale_segment() {
    segments::set(INDEX, SegmentDescriptor::flat_data(1));
    report::expect_kill("cannot be entered: loading its segments raised #GP (0xd0)");
    trespass::call_with_stale_segment(SELECTOR, || segments::set(INDEX, SegmentDescriptor::ABSENT));
}
