//! A chain of buffers that comes back to itself ends the Guest, not the Host's patience.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::GuestPhys;
use abi::device_page::DESC_NEXT;
use kit::{console, pci, report};

kit::guest_test!(kill_ring_loop);

fn kill_ring_loop() {
    console::virtio::start();
    report::expect_kill("offered a chain of buffers that never ends");
    console::virtio::with_output(|queue, window| {
        let next_is_descriptor_0 = DESC_NEXT;
        queue.offer(window, 0, GuestPhys(0x10_0000), 1, next_is_descriptor_0).expect("the queue is there");
        pci::kick(queue.queue());
    });
}
