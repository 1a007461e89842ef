//! Text reaches a person by both ways: the early console and the virtio console.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::{console, println};

kit::guest_test!(hello);

fn hello() {
    println!("hello by the early console, which needs no device");
    assert!(console::virtio::start(), "no console on the device page");
    println!("hello by the virtio console, a whole line at a time: {:>60}", "the end");
}
