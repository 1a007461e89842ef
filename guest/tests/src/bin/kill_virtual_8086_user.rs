//! What `kill_virtual_8086` does, by a program of ring 3: no Guest has to be its own enemy for it.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kennel_guest_tests::virtual_8086::{self, VM};
use kit::report;
use kit::user::{self, Outcome, programs};

kit::guest_test!(kill_virtual_8086_user);

fn kill_virtual_8086_user() {
    let start = virtual_8086::lay_out();
    report::expect_kill("switched to virtual-8086 mode");
    let arguments = [start.flags | VM, start.cs.into(), start.eip];
    match user::run(programs::enter_virtual_8086(), arguments) {
        Outcome::Trapped(fault) => {
            assert_eq!((fault.vector, fault.code, fault.ring), (13, u32::from(start.cs & !3), 3));
        }
        Outcome::Exited(_) => panic!("it is neither there nor refused"),
    }
    report::skip("this CPU heeds VM in ring 0 only");
}
