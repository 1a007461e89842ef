//! LOAD_TLS replaces three descriptors, which ring 3 and ring 1 then read through.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::frames::Frame;
use kit::page_table::Entry;
use kit::paging::Root;
use kit::segment_descriptor::SegmentDescriptor;
use kit::user::{self, Outcome, programs};
use kit::{GuestLinear, probe, segments};

kit::guest_test!(thread_local_storage);

const AREA: GuestLinear = GuestLinear(0x4000_0000);
const SELECTORS: [u16; 3] = [0x33, 0x3B, 0x43];

fn thread_local_storage() {
    let frame = Frame::alloc();
    (0..32).for_each(|slot| frame.write(4 * slot, 100 + slot));
    Root::current().map(AREA, &frame, Entry::KERNEL | Entry::US);
    for shift in [0, 4, 8] {
        segments::load_tls([0, 16, 32].map(|base| SegmentDescriptor::data_at(AREA.0 + base + shift, 3)));
        for (number, selector) in (0u32..).zip(SELECTORS) {
            let expected = 100 + 4 * number + shift / 4 + 1;
            assert_eq!(probe::read_segment(selector, 4), Ok(expected), "ring 1, {selector:#x}");
            let outcome = user::run(programs::read_segment(), [selector.into(), 4, 0]);
            assert_eq!(outcome, Outcome::Exited(expected), "ring 3, {selector:#x}");
        }
    }
    segments::load_tls([SegmentDescriptor::ABSENT; 3]);
    let fault = probe::load_fs(SELECTORS[0]).expect_err("the descriptor is gone");
    assert_eq!((fault.vector, fault.code), (13, u32::from(SELECTORS[0] & !3)));
}
