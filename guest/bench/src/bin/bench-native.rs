//! The bench on a bare machine: `qemu-system-i386 -kernel bench-native`.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::native::machine;
use kit::paging::Root;
use kit::{Nanos, interrupts};
use rows::operations::{prepare, rows};
use rows::{Machine, row};

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

    fn set_alarm(delay: Nanos) {
        machine::set_alarm(delay);
    }
}

fn main() {
    prepare::<Bare>();
    interrupts::enable();
    machine::open();
    row::print("native-", &rows::<Bare>());
}
