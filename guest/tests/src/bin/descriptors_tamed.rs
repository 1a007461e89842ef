//! Whatever a Guest writes into its GDT, nothing there leads inwards: ring 0 becomes ring 1, and
//! what is not a segment is no descriptor at all.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::segment_descriptor::SegmentDescriptor;
use kit::{probe, segments};

kit::guest_test!(descriptors_tamed);

const INDEX: u32 = 26;
const SELECTOR: u16 = 26 << 3;

fn descriptors_tamed() {
    segments::set(INDEX, SegmentDescriptor::flat_data(0));
    assert_eq!(probe::load_fs(SELECTOR | 1), Ok(()), "ring 0 became ring 1");
    let call_gate_to_ring_0 = SegmentDescriptor { low: 0x0050_0000, high: 0xC010_EC00 };
    let tss = SegmentDescriptor::task_state(0xC000_0000, 104);
    let ldt = SegmentDescriptor { low: 0x0000_FFFF, high: 0x0000_8200 };
    for system in [call_gate_to_ring_0, tss, ldt] {
        segments::set(INDEX, system);
        assert!(probe::far_call(SELECTOR | 1).is_err(), "{system:x?}");
        assert!(probe::load_fs(SELECTOR | 1).is_err(), "{system:x?}");
    }
    for switchers in [10, 11, 16, 31] {
        segments::set(switchers, SegmentDescriptor::flat_data(3));
        assert!(probe::load_fs((switchers << 3) as u16 | 3).is_err(), "entry {switchers} is not the Guest's");
    }
}
