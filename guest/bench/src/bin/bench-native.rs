//! The bench on a bare machine: `qemu-system-i386 -kernel bench-native`.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::native::machine;
use kit::page_table::Entry;
use kit::paging::Root;
use kit::{GuestLinear, Nanos, interrupts};
use rows::{Machine, operations, row, spaces};

kit::guest!(main);

/// The CPU does it, and nobody else.
struct Bare;

impl Machine for Bare {
    #[inline(always)]
    fn switch_to(root: Root) {
        machine::load_root(root.phys());
    }

    #[inline(always)]
    fn forget_user_half() {
        machine::forget_all();
    }

    fn forget_everything() {
        machine::forget_all();
    }

    #[inline(always)]
    fn forget_tables(_: Root, _: GuestLinear, _: u32) {
        machine::forget_all();
    }

    #[inline(always)]
    fn announce(_: Root, at: GuestLinear, _: Entry) {
        machine::forget_page(at);
    }

    /// There is nothing to gain by waiting.
    #[inline(always)]
    fn announce_later(root: Root, at: GuestLinear, entry: Entry) {
        Self::announce(root, at, entry);
    }

    #[inline(always)]
    fn announce_now() {}

    fn set_alarm(delay: Nanos) {
        machine::set_alarm(delay);
    }
}

fn main() {
    operations::prepare::<Bare>();
    spaces::prepare();
    interrupts::enable();
    machine::open();
    row::print("native-", &operations::rows::<Bare>());
    row::print("native-", &spaces::rows::<Bare>());
}
