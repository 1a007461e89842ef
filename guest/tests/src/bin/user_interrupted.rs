//! The timer interrupts ring 3 on the stack set for that, and the program never notices.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use core::sync::atomic::{AtomicU32, Ordering};

use kit::frames::Frame;
use kit::local::Local;
use kit::page_table::Entry;
use kit::paging::Root;
use kit::user::{self, Outcome, programs};
use kit::{GuestLinear, Nanos, time};

kit::guest_test!(user_interrupted);

const FLAG_AT: GuestLinear = GuestLinear(0x5000_0000);

static FLAG: Local<Option<Frame>> = Local::new(None);
static FIRED: AtomicU32 = AtomicU32::new(0);

fn user_interrupted() {
    let flag = Frame::alloc();
    Root::current().map(FLAG_AT, &flag, Entry::KERNEL | Entry::US);
    FLAG.with(|slot| *slot = Some(flag));
    time::on_alarm(|| {
        let count = FIRED.fetch_add(1, Ordering::Relaxed) + 1;
        if count == 20 {
            FLAG.with(|flag| flag.as_ref().expect("it was put there").write(0, 1));
        }
        time::set_alarm(Nanos::from_millis(2));
    });
    time::set_alarm(Nanos::from_millis(2));
    let outcome = user::run(programs::wait_for_change(), [FLAG_AT.0, 0, 0]);
    assert!(matches!(outcome, Outcome::Exited(rounds) if rounds > 1), "{outcome:?}");
    assert!(FIRED.load(Ordering::Relaxed) >= 20);
}
