//! Ten throws of a die, and a driver of its own to throw it with.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::device_page::{DESC_WRITE, TYPE_RNG};
use kit::frames::Frame;
use kit::virtqueue::Virtqueue;
use kit::{driver, pci, println};

kit::guest_test!(dice);

fn dice() {
    let started = driver::start::<1, 0>(TYPE_RNG, 0, 0).expect("an entropy source");
    let (mut window, [queue]) = (started.window, started.queues);
    let (mut queue, buffer) = (Virtqueue::new(queue), Frame::alloc());
    for throw in 1..=10 {
        queue.offer(&mut window, 0, buffer.phys(), 4, DESC_WRITE).expect("the rings are there");
        pci::kick(queue.queue());
        let used = queue.take_used(&window).expect("the rings are there").expect("served by now");
        println!("throw {throw}: {} ({} bytes came)", buffer.byte(0) % 6 + 1, used.len);
    }
}
