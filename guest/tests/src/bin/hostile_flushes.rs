//! A storm of flushes, 64 to the ring: each drops everything the Host has built for this Guest.
//! Weakness 12 of the original Host.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::lguest_data::RING_ENTRIES;
use kennel_guest_tests::for_a_while;
use kit::hypercall::Call;
use kit::lazy;

kit::guest_test!(hostile_flushes);

fn hostile_flushes() {
    let storms = for_a_while(|| {
        lazy::batch(|| (0..RING_ENTRIES).for_each(|_| lazy::queue(Call::FLUSH_ALL)));
    });
    assert!(storms > 10);
}
