//! A trap from ring 3 that the CPU enters directly, onto a stack segment that is gone, is a double
//! fault of the CPU's. The Host must survive it, and knows whose fault it was.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::hypercall::LHCALL_SET_STACK;
use kit::gate::GateKind;
use kit::segment_descriptor::SegmentDescriptor;
use kit::user::{self, programs};
use kit::{report, segments, traps, trespass};

kit::guest_test!(kill_double_fault);

const INDEX: u32 = 26;
const SELECTOR: u32 = INDEX << 3 | 1;

fn kill_double_fault() {
    traps::load_gate(0, GateKind::Trap, 0); // direct: division errors do not pass the Host
    segments::set(INDEX, SegmentDescriptor::flat_data(1));
    trespass::hypercall(LHCALL_SET_STACK, [SELECTOR, user::trap_stack_top(), 2]);
    report::expect_kill("faulted while delivering a fault, at 0x08048002");
    segments::set(INDEX, SegmentDescriptor::ABSENT);
    user::run(programs::divide_by_zero(), [0; 3]);
}
