//! Calls that Linux never queues work from the ring as well: the timer, HALT, and two kicks of the
//! same queue, each served in its turn.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use core::sync::atomic::{AtomicU32, Ordering};

use abi::GuestPhys;
use kit::hypercall::Call;
use kit::{Nanos, console, interrupts, lazy, time};

kit::guest_test!(queue_of_anything);

static FIRED: AtomicU32 = AtomicU32::new(0);

fn queue_of_anything() {
    assert!(console::virtio::start());
    time::on_alarm(|| {
        FIRED.fetch_add(1, Ordering::Relaxed);
    });
    interrupts::disable();
    lazy::batch(|| {
        lazy::queue(Call::set_clockevent(Nanos::from_millis(5)));
        lazy::queue(Call::HALT);
    });
    assert_eq!(FIRED.load(Ordering::Relaxed), 1, "HALT waited for the timer");
    let empty = GuestPhys(0x10_0000);
    let both = console::virtio::with_output(|queue, window| {
        lazy::batch(|| {
            for descriptor in [0, 1] {
                queue.offer(window, descriptor, empty, 0, 0).expect("the queue is there");
                lazy::queue(Call::notify(queue.at()));
            }
        });
        [(); 2].map(|()| queue.take_used(window).expect("the queue is there").map(|used| used.id))
    });
    assert_eq!(both, Some([Some(0), Some(1)]));
}
