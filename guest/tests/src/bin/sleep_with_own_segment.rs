//! A Guest may sleep with a selector in FS that only its own GDT knows. The Host, which sleeps in
//! its place and is interrupted there, must not stumble over it.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::segment_descriptor::SegmentDescriptor;
use kit::{Nanos, interrupts, probe, segments, time};

kit::guest_test!(sleep_with_own_segment);

/// The first of the three for threads, which the Host's own GDT does not have.
const OWN: u16 = 0x33;

fn sleep_with_own_segment() {
    time::on_alarm(|| {});
    segments::load_tls([SegmentDescriptor::data_at(0, 3); 3]);
    for _ in 0..3 {
        interrupts::disable();
        let start = time::now();
        time::set_alarm(Nanos::from_millis(20));
        assert_eq!(probe::halt_with_fs(OWN), Ok(()));
        assert!(start.until(time::now()) >= Nanos::from_millis(20), "it did sleep");
    }
}
