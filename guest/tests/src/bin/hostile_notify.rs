//! A flood of kicks: of a queue with nothing in it, of text that says nothing, of a device that is
//! reset again and again.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::device_page::STATUS;
use kennel_guest_tests::for_a_while;
use kit::console;
use kit::device_window::DeviceWindow;
use kit::frames::Frame;
use kit::hypercall::Call;
use kit::{GuestPhys, println};

kit::guest_test!(hostile_notify);

fn hostile_notify() {
    let nothing = Frame::alloc();
    assert!(console::virtio::start());
    let queue = console::virtio::with_output(|queue, _| queue.at()).expect("it has just started");
    for_a_while(|| (0..64).for_each(|_| Call::notify(queue).make()));
    println!("still heard");
    console::set_sink(console::early::write);
    let mut window = DeviceWindow::new();
    for_a_while(|| {
        window.set_byte(STATUS, 0);
        Call::notify(GuestPhys(window.start())).make();
        Call::notify(nothing.phys()).make();
    });
}
