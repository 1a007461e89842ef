//! A flood of text: pages of it in each kick, by a chain of buffers that all name the same page.
//! The Host shows it bit by bit and lets the others run in between.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::PAGE_SIZE;
use kennel_guest_tests::number;
use kit::frames::Frame;
use kit::hypercall::Call;
use kit::{console, println};

kit::guest_test!(hostile_console);

const LINE: &[u8] = b"as loud as it gets, and then some; there is more where this came from\r\n";

fn hostile_console() {
    let page = Frame::alloc();
    let mut text = [0; PAGE_SIZE as usize];
    text.iter_mut().zip(LINE.iter().cycle()).for_each(|(to, from)| *to = *from);
    let whole_lines = text.len() - text.len() % LINE.len();
    page.copy_from(&text);
    assert!(console::virtio::start());
    let kicks = number("pages", 4).div_ceil(4);
    for _ in 0..kicks {
        let shown = console::virtio::with_output(|queue, window| {
            for descriptor in 0..4 {
                queue.offer(window, descriptor, page.phys(), whole_lines as u32, 0)?;
            }
            Call::notify(queue.at()).make();
            let mut shown = 0;
            while shown < 4 {
                shown += u32::from(queue.take_used(window)?.is_some());
            }
            Ok::<u32, abi::KillReason>(shown)
        });
        assert_eq!(shown, Some(Ok(4)));
    }
    println!("{kicks} kicks of four pages each were shown");
}
