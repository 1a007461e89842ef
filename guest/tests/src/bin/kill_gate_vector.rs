//! A gate beyond the last vector ends the Guest.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::hypercall::LHCALL_LOAD_IDT_ENTRY;
use kit::{report, trespass};

kit::guest_test!(kill_gate_vector);

fn kill_gate_vector() {
    report::expect_kill("loaded a gate at vector 256, beyond 255");
    trespass::hypercall(LHCALL_LOAD_IDT_ENTRY, [256, 0x0061_0000, 0x8E00]);
}
