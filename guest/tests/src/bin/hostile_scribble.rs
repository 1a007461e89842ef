//! A Guest that scribbles over the page its own registers are saved on, all the time, while exits
//! of all kinds come and go. What it forges there is its own, and gone at the next exit.
//! Weakness 8 of the original Host.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kennel_guest_tests::for_a_while;
use kit::hypercall::Call;
use kit::{GuestLinear, Nanos, PAGE_SIZE, interrupts, probe, time, trespass};

kit::guest_test!(hostile_scribble);

/// What looks like something: nothing, everything, selectors of ring 0, flags with IOPL, a
/// hypercall, an NMI.
const FORGED: [u32; 6] = [0, u32::MAX, 0x0058_0050, 0x0003_7302, 0x1F, 2];

fn hostile_scribble() {
    let writable = trespass::switcher_pages().filter(|page| rewrite(*page)).last();
    let page = writable.expect("the registers are saved somewhere");
    time::start_ticking(Nanos::from_millis(1));
    interrupts::enable();
    let mut values = FORGED.iter().cycle();
    for_a_while(|| {
        let value = *values.next().unwrap_or(&0);
        for offset in (0..PAGE_SIZE).step_by(4) {
            assert_eq!(probe::write(GuestLinear(page.0 + offset), value), Ok(()));
        }
        Call::FLUSH_ASYNC.make();
        assert!(probe::ud2().is_err());
    });
    assert!(time::ticks() > 0);
}

/// Whether the dword at `at` can be written; it is left as it was.
fn rewrite(at: GuestLinear) -> bool {
    probe::read(at).is_ok_and(|value| probe::write(at, value).is_ok())
}
