//! A ring with all of its 64 slots ready is emptied by one call, and then serves again.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use core::sync::atomic::Ordering;

use abi::lguest_data::{RING_ENTRIES, RING_FREE};
use kit::hypercall::Call;
use kit::{lazy, shared};

kit::guest_test!(ring_full);

fn ring_full() {
    for round in 0..5 {
        (0..RING_ENTRIES).for_each(|_| lazy::queue(Call::FLUSH_USER));
        let waiting = || (0..RING_ENTRIES).filter(|slot| status(*slot) != RING_FREE).count();
        assert_eq!(waiting(), RING_ENTRIES, "round {round}: nothing is done before a call is made");
        Call::FLUSH_ASYNC.make();
        assert_eq!(waiting(), 0, "round {round}");
    }
}

fn status(slot: usize) -> u8 {
    shared::hcall_status(slot).load(Ordering::Relaxed)
}
