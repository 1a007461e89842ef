//! Takes as much of the Host's time as a Guest can, in the way that `how=` names, for as long as
//! `for=` says. Whoever stands beside it must not notice: see `fair_victim`.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::lguest_data::RING_ENTRIES;
use kennel_guest_tests::for_a_while;
use kit::frames::Frame;
use kit::hypercall::Call;
use kit::{boot_params, lazy, power, println, words};

kit::guest_test!(greedy);

fn greedy() {
    match words::value(boot_params::command_line(), "how") {
        Some("text") => text(|page| Call::notify(page.phys()).make()),
        Some("text-queued") => text(|page| {
            lazy::batch(|| (0..RING_ENTRIES - 1).for_each(|_| lazy::queue(Call::notify(page.phys()))));
        }),
        Some("flushes-queued") => {
            for_a_while(|| lazy::batch(|| (0..RING_ENTRIES - 1).for_each(|_| lazy::queue(Call::FLUSH_USER))));
        }
        // It is killed by the end of the run, or by whoever looks on.
        Some("restarts") => power::restart(format_args!("and again")),
        Some(_) | None => {
            for_a_while(|| {});
        }
    }
    println!("greedy: over");
}

/// A page of text that does nothing but take time to be shown.
fn text(kick: impl Fn(&Frame)) {
    let page = Frame::alloc();
    let bytes: [u8; 1024] = core::array::from_fn(|place| if place % 64 == 63 { b'\n' } else { b'x' });
    page.write_from(0, &bytes);
    for_a_while(|| kick(&page));
}
