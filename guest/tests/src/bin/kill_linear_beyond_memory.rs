//! Before there are page tables, virtual is physical; an address beyond memory ends the Guest. It
//! is the Host's memory that would be there.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

kit::guest_test!(too_late);

kit::before_init!("mov eax, [0x40000000]", "jmp ebp");

fn too_late() {
    panic!("read memory beyond its own in linear mode");
}
