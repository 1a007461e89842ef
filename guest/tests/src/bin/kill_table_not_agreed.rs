//! A table of descriptors from a driver that has not accepted the feature ends the Guest.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::GuestPhys;
use abi::device_page::DESC_INDIRECT;
use kit::rng::Source;
use kit::{console, pci, report};

kit::guest_test!(kill_table_not_agreed);

fn kill_table_not_agreed() {
    let mut source = Source::start(0).expect("every Guest has an entropy source");
    console::virtio::start();
    report::expect_kill("made descriptor 0 indirect, which it had not agreed upon with the device");
    let queue = &mut source.queue;
    queue.offer(&mut source.window, 0, GuestPhys(0x10_0000), 16, DESC_INDIRECT).expect("the queue is there");
    pci::kick(queue.queue());
}
