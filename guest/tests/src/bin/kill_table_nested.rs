//! A table of descriptors within a table ends the Guest. The entropy source, which every Guest has,
//! is given it.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::device_page::DESC_INDIRECT;
use kit::frames::Frame;
use kit::rng::Source;
use kit::{console, pci, report};

kit::guest_test!(kill_table_nested);

fn kill_table_nested() {
    let mut source = Source::start(1 << 28).expect("every Guest has an entropy source");
    console::virtio::start();
    report::expect_kill("made descriptor 0 indirect within a table, or linked it on");
    let table = Frame::alloc();
    let words = [table.phys().0, 0, 16, u32::from(DESC_INDIRECT)];
    (0..).step_by(4).zip(words).for_each(|(at, word)| table.write(at, word));
    let queue = &mut source.queue;
    queue.offer(&mut source.window, 0, table.phys(), 16, DESC_INDIRECT).expect("the queue is there");
    pci::kick(queue.queue());
}
