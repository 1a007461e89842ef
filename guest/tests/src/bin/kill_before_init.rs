//! A hypercall before INIT ends the Guest, which has not had a way to say a word until then.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

kit::guest_test!(too_late);

kit::before_init!("mov eax, {FLUSH_ASYNC}", "int 0x1f", "jmp ebp",
    FLUSH_ASYNC = const abi::hypercall::LHCALL_FLUSH_ASYNC);

fn too_late() {
    panic!("survived a hypercall before INIT");
}
