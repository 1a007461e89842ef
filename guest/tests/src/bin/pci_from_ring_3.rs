//! Ring 3 may touch the registers of a device whose page its kernel has opened to it, and no others.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::Width::Dword;
use abi::device_page::TYPE_CONSOLE;
use abi::pci::{BAR_0, DRIVER_FEATURE_SELECT};
use kit::page_table::Entry;
use kit::paging::Root;
use kit::pci::{Function, read_config};
use kit::user::{self, Outcome, programs};
use kit::{GuestLinear, GuestPhys};

kit::guest_test!(pci_from_ring_3);

const AT: GuestLinear = GuestLinear(0x4000_0000);
const USER: u32 = Entry::P | Entry::US;

fn pci_from_ring_3() {
    let device = Function::find(TYPE_CONSOLE, 0).expect("every Guest has a console");
    let page = GuestPhys(read_config(device.slot, BAR_0, Dword)).page_base();
    let at = AT.0 + device.window.page_offset() + DRIVER_FEATURE_SELECT;
    Root::current().set(AT, Entry::new(page, USER | Entry::RW));
    assert_eq!(user::run(programs::write_at(), [at, 0x1234, 0]), Outcome::Exited(at));
    assert_eq!(user::run(programs::read_at(), [at, 0, 0]), Outcome::Exited(0x1234));
    Root::current().set(AT, Entry::new(page, USER));
    assert_eq!(user::run(programs::read_at(), [at, 0, 0]), Outcome::Exited(0x1234));
    assert_eq!(code(programs::write_at(), at), 7, "present, write, user");
    Root::current().set(AT, Entry::new(page, Entry::KERNEL));
    assert_eq!(code(programs::read_at(), at), 5, "present, read, user");
    assert_eq!(device.read(DRIVER_FEATURE_SELECT, Dword), 0x1234);
}

/// The error code of the page fault that `program` runs into at `at`.
fn code(program: &[u8], at: u32) -> u32 {
    match user::run(program, [at, 0, 0]) {
        Outcome::Trapped(fault) if fault.vector == 14 && fault.cr2.0 == at && fault.ring == 3 => fault.code,
        other => panic!("expected a page fault at {at:#x}: {other:?}"),
    }
}
