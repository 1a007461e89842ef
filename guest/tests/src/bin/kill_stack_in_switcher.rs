//! A trap frame is not pushed into the area that belongs to the Switcher, wherever the stack
//! pointer points.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::{GuestLinear, report, trespass};

kit::guest_test!(kill_stack_in_switcher);

fn kill_stack_in_switcher() {
    let state_page = trespass::gdt_address().page_base();
    report::expect_kill("has no writable stack");
    trespass::fault_with_stack_at(GuestLinear(state_page.0 + 0x800));
}
