//! An INIT that names memory the Guest does not have ends it.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

kit::guest_test!(too_late);

kit::before_init!("mov eax, {INIT}", "mov ebx, 0xfffffc00", "int 0x1f", "jmp ebp",
    INIT = const abi::hypercall::LHCALL_LGUEST_INIT);

fn too_late() {
    panic!("survived an INIT beyond memory");
}
