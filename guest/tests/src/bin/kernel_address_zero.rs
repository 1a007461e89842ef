//! A Guest whose kernel begins at 0, as it says: then all of its address space is the kernel half,
//! shared between its page directories, and it runs. Weakness 18 of the original Host.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use core::mem::offset_of;

use abi::lguest_data::LguestData;
use kit::frames::Frame;
use kit::hypercall::Call;
use kit::page_table::Entry;
use kit::paging::{Root, Space};
use kit::user::{self, Outcome, programs};
use kit::{GuestLinear, probe};

kit::guest_test!(kernel_address_zero);

kit::before_init!("mov eax, offset {DATA} + {KERNEL_ADDRESS}", "mov dword ptr [eax - {PAGE_OFFSET}], 0", "jmp ebp",
    DATA = sym kit::shared::DATA,
    KERNEL_ADDRESS = const offset_of!(LguestData, kernel_address),
    PAGE_OFFSET = const kit::PAGE_OFFSET);

const AT: GuestLinear = GuestLinear(0x4000_0000);

fn kernel_address_zero() {
    let frame = Frame::alloc();
    frame.fill(7);
    let other = Space::new();
    for root in [Root::kernel(), other.root()] {
        root.map(AT, &frame, Entry::KERNEL); // the same in each, as a kernel half must be
    }
    for root in [other.root(), Root::kernel(), other.root(), Root::kernel()] {
        root.switch_to();
        assert_eq!(probe::read(AT), Ok(7));
        Call::FLUSH_USER.make();
    }
    assert_eq!(user::run(programs::exit_at_once(), [5, 0, 0]), Outcome::Exited(5));
    for root in [Root::kernel(), other.root()] {
        root.unmap(AT);
    }
    assert!(probe::read(AT).is_err());
}
