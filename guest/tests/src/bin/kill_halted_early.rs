//! HLT before the first hypercall is how an unpacker gives up, and it never goes on. The Host tells
//! that from a kernel that was built without support for it.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

kit::guest_test!(too_late);

kit::before_init!("hlt", "jmp ebp");

fn too_late() {
    panic!("survived HLT before INIT");
}
