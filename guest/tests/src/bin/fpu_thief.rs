//! A Guest that looks for its neighbours' numbers in FPU, MMX and SSE registers: before it has put
//! anything there, where all must be as after a reset, and whenever it has slept, when its own must
//! be back.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kennel_guest_tests::for_a_while;
use kit::fpu::{self, Registers};
use kit::{Nanos, hypercall, time};

kit::guest_test!(fpu_thief);

fn fpu_thief() {
    assert_eq!(fpu::store(), Registers::fresh(), "left behind by somebody");
    time::on_alarm(|| {});
    let mut seeds = 0x7417EF..;
    for_a_while(|| {
        let own = Registers::of(seeds.next().unwrap_or(0));
        fpu::load(&own);
        time::set_alarm(Nanos::from_micros(100));
        hypercall::halt();
        assert_eq!(fpu::store(), own);
    });
}
