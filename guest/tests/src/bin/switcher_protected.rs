//! Of the area that belongs to the Switcher, a Guest can write at most one page, the one its own
//! registers are saved on; whatever it writes there, the next exit works.
//!
//! Ring 1 counts as supervisor to paging: only missing and read-only pages stand in its way.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::hypercall::Call;
use kit::{GuestLinear, PAGE_SIZE, probe, trespass};

kit::guest_test!(switcher_protected);

fn switcher_protected() {
    let (mut readable, mut writable) = (0, 0);
    for page in trespass::switcher_pages() {
        readable += u32::from(probe::read(page).is_ok());
        if probe::write(page, 0xDEAD_BEEF).is_ok() {
            writable += 1;
            scribble(page);
        }
    }
    assert!(readable <= 4, "{readable} pages can be read: text, and the two pages of this CPU");
    assert!(writable <= 1, "{writable} pages can be written");
    let tables = trespass::gdt_address();
    let fault = probe::write(tables, 0).expect_err("the real GDT is read-only");
    assert_eq!((fault.vector, fault.code, fault.cr2), (14, 3, tables));
}

/// Fills the page the registers are saved on, over and over: the CPU writes them afresh each time.
fn scribble(page: GuestLinear) {
    for value in [0, u32::MAX, 0x0050_0050, 0x3202] {
        for offset in (0..PAGE_SIZE).step_by(4) {
            let _may_be_the_last_we_hear = probe::write(GuestLinear(page.0 + offset), value);
        }
        Call::FLUSH_ASYNC.make();
    }
}
