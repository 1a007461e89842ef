//! Endless appetite for chance: all the memory there is, as often as the queue is long, and nothing as
//! often; and into places where bytes nobody foresees do harm: the descriptors being served, the device
//! page (on PCI the rings' first). A page at most is filled each time, and the source goes on.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::device_page::{DESC_WRITE, QUEUE_ENTRIES};
use abi::{GuestMemory, GuestPhys, PAGE_SIZE};
use kennel_guest_tests::for_a_while;
use kit::boot_params::memory_size;
use kit::frames::Frame;
use kit::rng::Source;
use kit::virtqueue::Lent;
use kit::{pci, println};

kit::guest_test!(hostile_entropy);

fn hostile_entropy() {
    let mut source = Source::start(0).expect("every Guest has an entropy source");
    let page = Frame::alloc();
    let rounds = for_a_while(|| {
        everything(&mut source, page.phys());
        nothing(&mut source, page.phys());
        for at in [source.queue.at(), GuestPhys(source.window.start())] {
            harm(&mut source, at);
        }
    });
    println!("{rounds} rounds");
}

/// All that lies behind a page, it included, in one kick for each descriptor.
fn everything(source: &mut Source, page: GuestPhys) {
    for id in 0..QUEUE_ENTRIES {
        let len = memory_size() - page.0;
        source.queue.offer(&mut source.window, id, page, len, DESC_WRITE).expect("the queue is there");
    }
    pci::kick(source.queue.queue());
    assert!((0..QUEUE_ENTRIES).all(|_| (1..=PAGE_SIZE).contains(&back(source))));
}

/// A chain as long as the queue, of no bytes.
fn nothing(source: &mut Source, at: GuestPhys) {
    let buffers = [Lent { at, len: 0, flags: DESC_WRITE }; QUEUE_ENTRIES as usize];
    source.queue.offer_chain(&mut source.window, 0, buffers.into_iter()).expect("the queue is there");
    pci::kick(source.queue.queue());
    assert_eq!(back(source), 0);
}

/// A page both sides depend on, filled, and put in order again.
fn harm(source: &mut Source, at: GuestPhys) {
    let mut saved = [0; PAGE_SIZE as usize];
    source.window.read_into(at, &mut saved).expect("it lies in the window");
    assert!((1..=PAGE_SIZE).contains(&source.fill(at, PAGE_SIZE)));
    source.window.write_from(at, &saved).expect("it lies in the window");
}

/// Waits for a chain; returns how many bytes were filled.
fn back(source: &mut Source) -> u32 {
    loop {
        if let Some(used) = source.queue.take_used(&source.window).expect("the queue is there") {
            return used.len;
        }
        core::hint::spin_loop();
    }
}
