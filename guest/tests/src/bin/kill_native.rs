//! A kernel for the bare machine begins with instructions no Guest has. It is ended with a sentence
//! that says what it was built without.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

kit::guest_test!(too_late);

kit::before_init!("mov eax, cr3", "jmp ebp");

fn too_late() {
    panic!("survived a privileged instruction before INIT");
}
