//! An `iret` of ring 1 with VM in its frame. A CPU heeds that in ring 0 only; QEMU does in any, and loads
//! IF and IOPL on the way. From there an interrupt pushes nine words instead of five, so the Host
//! would take the low byte of EFLAGS for the vector and could be made to believe in anything; and
//! with IF clear, at an endless loop, nothing would ever come again.
//!
//! `flags=` are the flags besides VM, `cs=` and `eip=` where to; an endless loop lies there.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kennel_guest_tests::virtual_8086::{self, VM};
use kit::{probe, report};

kit::guest_test!(kill_virtual_8086);

fn kill_virtual_8086() {
    let start = virtual_8086::lay_out();
    report::expect_kill("switched to virtual-8086 mode");
    let refused = probe::enter_virtual_8086(start.flags | VM, start.cs, start.eip);
    let fault = refused.expect_err("it is neither there nor refused");
    assert_eq!((fault.vector, fault.code, fault.ring), (13, u32::from(start.cs & !3), 1));
    report::skip("this CPU heeds VM in ring 0 only");
}
