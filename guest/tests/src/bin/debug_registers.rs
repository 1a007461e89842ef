//! The debug registers are nobody's: whatever ring 1 writes to them, it reads what a reset leaves in
//! them, so that no Guest leaves a breakpoint behind for the next, or for the Host, and a kernel that
//! tells of a mistake of its own can print them. Weakness 10 of the original Host.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::probe;

kit::guest_test!(debug_registers);

/// A breakpoint is an address first of all, and this Guest executes nothing but its code.
#[inline(never)]
fn stepped_on() -> u32 {
    core::hint::black_box(7)
}

fn debug_registers() {
    let here = stepped_on as *const () as u32;
    let registers = [
        ("dr0", probe::dr0 as fn(u32) -> probe::Probed<u32>, here, 0),
        ("dr3", probe::dr3, here, 0),
        ("dr6", probe::dr6, 0, 0xFFFF_0FF0),
        // All four enabled, on execution.
        ("dr7", probe::dr7, 0xFF, 0x400),
    ];
    for (name, register, written, expected) in registers {
        match register(written) {
            Ok(read) => assert_eq!(read, expected, "{name}"),
            Err(fault) => panic!("{name}: {fault:?}"),
        }
    }
    assert_eq!(stepped_on(), 7);
}
