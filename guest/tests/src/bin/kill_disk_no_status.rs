//! A request to a disk that has no byte for the status ends the Guest: there is no way to answer it.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::block::{Disk, IN};
use kit::{console, report};

kit::guest_test!(kill_disk_no_status);

fn kill_disk_no_status() {
    let Some(mut disk) = Disk::start(0, 0) else { report::skip("there is no disk") };
    console::virtio::start();
    report::expect_kill("made a request to a disk without a byte for the status");
    let header = disk.lend(IN, 0, core::iter::empty()).take(1);
    disk.queue.offer_chain(&mut disk.window, 0, header).expect("the queue is there");
    disk.finish();
}
