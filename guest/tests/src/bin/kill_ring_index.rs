//! A descriptor beyond the queue ends the Guest.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::device_page::{QUEUE_ENTRIES, avail_offset};
use abi::{GuestMemory, GuestPhys};
use kit::{console, pci, report};

kit::guest_test!(kill_ring_index);

fn kill_ring_index() {
    console::virtio::start();
    report::expect_kill("named descriptor 9999, beyond its virtqueue");
    console::virtio::with_output(|queue, window| {
        queue.offer(window, 0, GuestPhys(0x10_0000), 1, 0).expect("the queue is there");
        let first_slot = GuestPhys(queue.at().0 + avail_offset(QUEUE_ENTRIES) + 4);
        (0..u32::from(QUEUE_ENTRIES))
            .try_for_each(|slot| window.write_u16(GuestPhys(first_slot.0 + 2 * slot), 9999))
            .expect("the queue is there");
        pci::kick(queue.queue());
    });
}
