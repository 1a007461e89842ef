//! A buffer that does not lie in the Guest's memory ends the Guest; one that wraps around is no
//! better.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::GuestPhys;
use kit::{console, pci, report};

kit::guest_test!(kill_buffer_beyond_memory);

fn kill_buffer_beyond_memory() {
    console::virtio::start();
    report::expect_kill("named 4096 bytes at physical 0xfffffff0");
    console::virtio::with_output(|queue, window| {
        queue.offer(window, 0, GuestPhys(0xFFFF_FFF0), 4096, 0).expect("the queue is there");
        pci::kick(queue.queue());
    });
}
