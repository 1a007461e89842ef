//! While the virtual CR0.TS is set, the first FPU instruction raises #NM; once it is cleared, none.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::hypercall::Call;
use kit::{lazy, probe};

kit::guest_test!(fpu_trap);

fn fpu_trap() {
    assert_eq!(probe::fnop(), Ok(()), "TS is clear at the start");
    Call::ts(true).make();
    let trap = probe::fnop().expect_err("TS is set");
    assert_eq!((trap.vector, trap.code), (7, 0));
    Call::ts(false).make();
    assert_eq!(probe::fnop(), Ok(()));
    lazy::batch(|| {
        lazy::issue(Call::ts(true));
        lazy::issue(Call::ts(false));
        lazy::issue(Call::ts(true));
    });
    assert!(probe::fnop().is_err(), "the last of three queued calls wins");
}
