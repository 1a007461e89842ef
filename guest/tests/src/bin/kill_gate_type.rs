//! A gate that is neither an interrupt nor a trap gate ends the Guest: call and task gates could
//! lead inwards.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::hypercall::LHCALL_LOAD_IDT_ENTRY;
use kit::{report, trespass};

kit::guest_test!(kill_gate_type);

/// A present 32-bit call gate.
const CALL_GATE: u32 = 0x8C00;

fn kill_gate_type() {
    const ABSENT: u32 = CALL_GATE & !0x8000;
    trespass::hypercall(LHCALL_LOAD_IDT_ENTRY, [3, 0x0061_0000, ABSENT]); // what is absent has no type
    report::expect_kill("loaded gate 0x00008c00 at vector 3: neither interrupt nor trap gate");
    trespass::hypercall(LHCALL_LOAD_IDT_ENTRY, [3, 0x0061_0000, CALL_GATE]);
}
