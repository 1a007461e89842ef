//! There is no LDT: a selector that asks for one finds nothing, whatever the Guest has in its GDT
//! and at the addresses where the Host's could be looked up. Weakness 3 of the original Host.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::segment_descriptor::SegmentDescriptor;
use kit::{probe, segments};

kit::guest_test!(no_ldt);

/// The table indicator of a selector.
const IN_LDT: u16 = 4;
/// The GDT's slot for an LDT, which Linux fills and nothing uses.
const LDT_INDEX: u32 = 17;

fn no_ldt() {
    let table_at_the_kernel = SegmentDescriptor { low: 0x0000_FFFF, high: 0xC010_8200 };
    segments::set(LDT_INDEX, table_at_the_kernel);
    for index in [0u16, 1, 10, 31, 8191] {
        let selector = index << 3 | IN_LDT | 1;
        let fault = probe::load_fs(selector).expect_err("a descriptor of an LDT");
        assert_eq!((fault.vector, fault.code), (13, u32::from(selector & !3)));
        assert!(probe::far_call(selector).is_err(), "{selector:#x}");
    }
}
