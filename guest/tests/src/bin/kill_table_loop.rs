//! A table of descriptors that goes round in a circle ends the Guest, not the Host's patience.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::device_page::{DESC_INDIRECT, DESC_NEXT, DESC_WRITE};
use kit::frames::Frame;
use kit::rng::Source;
use kit::{console, pci, report};

kit::guest_test!(kill_table_loop);

fn kill_table_loop() {
    let mut source = Source::start(1 << 28).expect("every Guest has an entropy source");
    console::virtio::start();
    report::expect_kill("offered a chain of buffers that never ends");
    let table = Frame::alloc();
    for (index, next) in [(0, 1), (1, 0)] {
        let words = [0x10_0000, 0, 1, u32::from(DESC_NEXT | DESC_WRITE) | next << 16];
        (index * 16..).step_by(4).zip(words).for_each(|(at, word)| table.write(at, word));
    }
    let queue = &mut source.queue;
    queue.offer(&mut source.window, 0, table.phys(), 32, DESC_INDIRECT).expect("the queue is there");
    pci::kick(queue.queue());
}
