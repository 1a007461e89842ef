//! Debug registers are a Guest's own: ring 1 reads what it has written, and ring 3 gets #GP. No
//! Guest leaves a breakpoint behind for the next, or for the Host. Weakness 10 of the original Host.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::debug::{OFF, QUIET, Register};

kit::guest_test!(debug_registers);

fn debug_registers() {
    let registers = [
        (Register::Dr0, 0, 0x1234_5678, 0x1234_5678),
        (Register::Dr3, 0, 0xFFC0_0000, 0xFFC0_0000),
        (Register::Dr6, QUIET, u32::MAX, 0xFFFF_EFFF),
        // No breakpoint is on; what the CPU never sets stays clear, and GD would hide the rest.
        (Register::Dr7, OFF, 0xFFFF_DF00, 0xFFFF_0700),
    ];
    for (register, first, written, expected) in registers {
        assert_eq!(register.read(), Ok(first), "{register:?}");
        assert_eq!(register.write(written), Ok(()), "{register:?}");
        assert_eq!(register.read(), Ok(expected), "{register:?}");
    }
}
