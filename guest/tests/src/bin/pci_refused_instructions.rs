//! What no compiler reads or writes a register by is a page fault of the Guest's own, on a page that is
//! there: strings, the stack, LOCK, the FPU, arithmetic that writes, and whatever reaches over the page's end.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::device_page::TYPE_CONSOLE;
use kit::pci::Function;
use kit::probe::Probed;
use kit::{GuestLinear, mmio};

kit::guest_test!(pci_refused_instructions);

fn pci_refused_instructions() {
    let device = Function::find(TYPE_CONSOLE, 0).expect("every Guest has a console");
    let at = device.window;
    let probes: [fn(GuestLinear) -> Probed; 7] = [
        mmio::copy_string,
        mmio::push,
        mmio::locked_add,
        mmio::exchange,
        mmio::to_fpu,
        mmio::add,
        mmio::jump_by,
    ];
    probes.into_iter().enumerate().for_each(|(number, probe)| refused(probe(at), at, number));
    let end = GuestLinear(at.page_base().0 + 0xFFE);
    refused(mmio::across(end), end, 7);
}

/// Whether what reads first and then writes is told as a write, CPUs see differently.
#[track_caller]
fn refused(probed: Probed, at: GuestLinear, number: usize) {
    const WRITE: u32 = 2;
    let fault = probed.expect_err("nobody performs that");
    let found = (fault.vector, fault.code & !WRITE, fault.cr2, fault.ring);
    assert_eq!(found, (14, 1, at, 1), "number {number}");
}
