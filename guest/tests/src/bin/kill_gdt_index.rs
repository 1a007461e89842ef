//! A descriptor beyond the last entry of the GDT ends the Guest. One Host of old took it.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::hypercall::LHCALL_LOAD_GDT_ENTRY;
use kit::{report, trespass};

kit::guest_test!(kill_gdt_index);

fn kill_gdt_index() {
    report::expect_kill("loaded GDT entry 32, beyond the last");
    trespass::hypercall(LHCALL_LOAD_GDT_ENTRY, [32, 0xFFFF, 0x00CF_B300]);
}
