//! There is no LDT: a selector that asks for one finds nothing, whatever the Guest has in its GDT
//! and at the addresses where the Host's could be looked up. Weakness 3 of the original Host.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::frames::Frame;
use kit::page_table::Entry;
use kit::paging::Root;
use kit::segment_descriptor::SegmentDescriptor;
use kit::{GuestLinear, probe, segments};

kit::guest_test!(no_ldt);

/// The table indicator of a selector.
const IN_LDT: u16 = 4;
/// The GDT's slot for an LDT, which Linux fills and nothing uses.
const LDT_INDEX: u32 = 17;

/// Flat data and a call gate to the Switcher's code segment, where a CPU would look that takes a null
/// LDT for one at linear address 0.
const AT_ZERO: [(u32, u32); 2] = [(0x0000_FFFF, 0x00CF_B200), (0x0050_0000, 0x0000_AC00)];

fn no_ldt() {
    look();
    for (low, high) in AT_ZERO {
        let frame = Frame::alloc();
        frame.write_from(0, [low.to_le_bytes(), high.to_le_bytes()].as_flattened());
        Root::current().map(GuestLinear(0), &frame, Entry::KERNEL);
        look();
    }
}

/// Tries selectors of an LDT.
fn look() {
    let table_at_the_kernel = SegmentDescriptor { low: 0x0000_FFFF, high: 0xC010_8200 };
    segments::set(LDT_INDEX, table_at_the_kernel);
    for index in [0u16, 1, 10, 31, 8191] {
        let selector = index << 3 | IN_LDT | 1;
        let fault = probe::load_fs(selector).expect_err("a descriptor of an LDT");
        assert_eq!((fault.vector, fault.code), (13, u32::from(selector & !3)));
        assert!(probe::far_call(selector).is_err(), "{selector:#x}");
    }
}
