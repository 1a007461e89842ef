//! The bench as a Guest.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::hypercall::Call;
use kit::paging::Root;
use kit::{Nanos, interrupts, time};
use rows::operations::{NULL_HYPERCALL, prepare, rows};
use rows::{Machine, row};

kit::guest!(main);

/// A Host does it.
struct UnderHost;

impl Machine for UnderHost {
    #[inline(always)]
    fn switch_to(root: Root) {
        root.switch().make();
    }

    #[inline(always)]
    fn forget_user_half() {
        Call::FLUSH_USER.make();
    }

    fn set_alarm(delay: Nanos) {
        time::set_alarm(delay);
    }
}

fn main() {
    prepare::<UnderHost>();
    interrupts::enable();
    row::print("", &[NULL_HYPERCALL]);
    row::print("", &rows::<UnderHost>());
}
