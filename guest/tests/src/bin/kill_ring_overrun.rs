//! An available index further on than the queue is long ends the Guest.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::device_page::{QUEUE_ENTRIES, avail_offset};
use abi::{GuestMemory, GuestPhys};
use kit::{console, pci, report};

kit::guest_test!(kill_ring_overrun);

fn kill_ring_overrun() {
    console::virtio::start();
    report::expect_kill("moved the available index to");
    console::virtio::with_output(|queue, window| {
        let index = GuestPhys(queue.at().0 + avail_offset(QUEUE_ENTRIES) + 2);
        let now = window.read_u16(index).expect("the queue is there");
        window.write_u16(index, now.wrapping_add(QUEUE_ENTRIES + 1)).expect("the queue is there");
        pci::kick(queue.queue());
    });
}
