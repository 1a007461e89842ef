//! A Guest whose kernel half would begin inside the Switcher's area is ended at INIT.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use core::mem::offset_of;

use abi::lguest_data::LguestData;

kit::guest_test!(too_late);

kit::before_init!("mov eax, offset {DATA} + {KERNEL_ADDRESS}", "mov dword ptr [eax - {PAGE_OFFSET}], 0xffd00000", "jmp ebp",
    DATA = sym kit::shared::DATA,
    KERNEL_ADDRESS = const offset_of!(LguestData, kernel_address),
    PAGE_OFFSET = const kit::PAGE_OFFSET);

fn too_late() {
    panic!("the Host accepted a kernel inside the Switcher's area");
}
