//! A buffer for the device to write, offered where it only reads, ends the Guest.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::GuestPhys;
use abi::device_page::DESC_WRITE;
use kit::{console, pci, report};

kit::guest_test!(kill_ring_direction);

fn kill_ring_direction() {
    console::virtio::start();
    report::expect_kill("offered a buffer of the wrong direction");
    console::virtio::with_output(|queue, window| {
        queue.offer(window, 0, GuestPhys(0x10_0000), 1, DESC_WRITE).expect("the queue is there");
        pci::kick(queue.queue());
    });
}
