//! A page-table entry beyond the windows of all devices ends the Guest when it is used.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::Width::Dword;
use abi::device_page::TYPE_CONSOLE;
use abi::pci::BAR_0;
use kit::page_table::Entry;
use kit::paging::Root;
use kit::pci::{Function, read_config};
use kit::{GuestLinear, GuestPhys, probe, report};

kit::guest_test!(kill_pci_page_beyond);

const AT: GuestLinear = GuestLinear(0x4000_0000);

fn kill_pci_page_beyond() {
    let last = Function::find(TYPE_CONSOLE, 0).expect("every Guest has a console");
    let window = read_config(last.slot, BAR_0, Dword);
    Root::current().write(AT, Entry::new(GuestPhys((window & !0xFFF) + 0x4000), Entry::KERNEL));
    report::expect_kill("has page-table entry");
    let read = probe::read(AT);
    kit::println!("the Host's memory holds {read:x?}");
}
