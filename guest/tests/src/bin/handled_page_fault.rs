//! A page fault of ring 1 comes back with its address, its error code and the interrupt flag as it
//! was; the flag is off while it is handled.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::traps::{self, TrapFrame, Verdict};
use kit::{GuestLinear, interrupts, probe};

kit::guest_test!(handled_page_fault);

const NOWHERE: GuestLinear = GuestLinear(0x1234_5678);

fn handled_page_fault() {
    traps::handle(14, flag_is_off);
    for enabled in [true, false] {
        if enabled {
            interrupts::enable()
        } else {
            interrupts::disable()
        }
        let read = probe::read(NOWHERE).expect_err("nothing is mapped there");
        assert_eq!((read.vector, read.code, read.cr2, read.ring), (14, 0, NOWHERE, 1));
        assert_eq!(read.interrupts_were_on, enabled, "the flag in the frame");
        let write = probe::write(NOWHERE, 1).expect_err("nothing is mapped there");
        assert_eq!((write.vector, write.code, write.cr2), (14, 2, NOWHERE));
        assert_eq!(interrupts::are_enabled(), enabled, "the flag afterwards");
    }
}

fn flag_is_off(_: &mut TrapFrame) -> Verdict {
    assert!(!interrupts::are_enabled(), "an interrupt gate clears the flag");
    Verdict::Decline
}
