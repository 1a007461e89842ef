//! Before there are page tables, the Switcher's pages are no more open than later: a write to its
//! text is a page fault, for which this Guest has no handler yet.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

kit::guest_test!(too_late);

kit::before_init!("mov dword ptr [0xffc00000], 0xf4f4f4f4", "jmp ebp");

fn too_late() {
    panic!("wrote the Switcher's text in linear mode");
}
