//! A request to a disk with something to read behind something to write ends the Guest.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::GuestPhys;
use abi::device_page::DESC_WRITE;
use kit::block::Disk;
use kit::virtqueue::Lent;
use kit::{console, report};

kit::guest_test!(kill_disk_direction);

fn kill_disk_direction() {
    let Some(mut disk) = Disk::start(0, 0) else { report::skip("there is no disk") };
    console::virtio::start();
    report::expect_kill("offered a buffer of the wrong direction");
    let buffers = [0, DESC_WRITE, 0].map(|flags| Lent { at: GuestPhys(0), len: 512, flags });
    disk.queue.offer_chain(&mut disk.window, 0, buffers.into_iter()).expect("the queue is there");
    disk.finish();
}
