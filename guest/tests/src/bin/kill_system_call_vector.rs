//! A Guest that wants its system calls at a vector the Host does not serve is told so at INIT.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use core::mem::offset_of;

use abi::lguest_data::LguestData;

kit::guest_test!(too_late);

kit::before_init!("mov eax, offset {DATA} + {SYSCALL_VEC}", "mov dword ptr [eax - {PAGE_OFFSET}], 0x40", "jmp ebp",
    DATA = sym kit::shared::DATA,
    SYSCALL_VEC = const offset_of!(LguestData, syscall_vec),
    PAGE_OFFSET = const kit::PAGE_OFFSET);

fn too_late() {
    panic!("the Host accepted system calls at vector 0x40");
}
