//! The selector of the stack for traps from ring 3 loses its descriptor after it was set. A system
//! call then faults inside the CPU, at no privilege of the Guest's; it is the Guest that ends.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::hypercall::LHCALL_SET_STACK;
use kit::segment_descriptor::SegmentDescriptor;
use kit::user::{self, Outcome, programs};
use kit::{report, segments, trespass};

kit::guest_test!(kill_stack_segment_gone);

const INDEX: u32 = 26;
const SELECTOR: u32 = INDEX << 3 | 1;

fn kill_stack_segment_gone() {
    segments::set(INDEX, SegmentDescriptor::flat_data(1));
    trespass::hypercall(LHCALL_SET_STACK, [SELECTOR, user::trap_stack_top(), 2]);
    assert_eq!(user::run(programs::exit_at_once(), [1, 0, 0]), Outcome::Exited(1));
    report::expect_kill("(0xd0)");
    segments::set(INDEX, SegmentDescriptor::ABSENT);
    user::run(programs::exit_at_once(), [1, 0, 0]);
}
