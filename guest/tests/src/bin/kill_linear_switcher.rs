//! Before there are page tables, the Switcher's pages are no more open than later: a write to its
//! text is a page fault, for which this Guest has no handler yet.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

kit::guest_test!(unreached);

kit::in_linear_mode!(
    "error code 0x3, touching 0xffc00000, and it has no handler for that",
    "mov dword ptr [0xffc00000], 0xf4f4f4f4",
);

fn unreached() {
    panic!("survived");
}
