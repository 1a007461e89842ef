//! Before there are page tables, virtual is physical; an address beyond memory ends the Guest. It
//! is the Host's memory that would be there.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

kit::guest_test!(unreached);

kit::in_linear_mode!(
    "touched 0x40000000 before it had page tables: it has no such memory",
    "mov eax, [0x40000000]",
);

fn unreached() {
    panic!("survived");
}
