//! The bench as a Guest.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::hypercall::Call;
use kit::page_table::{DIRECTORY_SPAN, Entry};
use kit::paging::Root;
use kit::{GuestLinear, Nanos, interrupts, lazy, pci, time};
use rows::operations::{self, NULL_HYPERCALL};
use rows::spaces::hosted::{announcement, end_of_table};
use rows::{Machine, devices, disks, nets, row, spaces};

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

    fn forget_everything() {
        Call::FLUSH_ALL.make();
    }

    #[inline(always)]
    fn forget_tables(root: Root, at: GuestLinear, count: u32) {
        (0..count)
            .for_each(|table| lazy::queue(end_of_table(root, GuestLinear(at.0 + table * DIRECTORY_SPAN))));
        Self::announce_now();
    }

    #[inline(always)]
    fn announce(root: Root, at: GuestLinear, entry: Entry) {
        announcement(root, at, entry).make();
    }

    #[inline(always)]
    fn announce_later(root: Root, at: GuestLinear, entry: Entry) {
        lazy::queue(announcement(root, at, entry));
    }

    #[inline(always)]
    fn announce_now() {
        Call::FLUSH_ASYNC.make();
    }

    fn set_alarm(delay: Nanos) {
        time::set_alarm(delay);
    }
}

fn main() {
    if pci::is_here() {
        devices::prepare_pci();
        return row::print("pci-", &[devices::KICK, devices::REGISTER_READ]);
    }
    if nets::prepare() {
        return row::print("", &nets::ROWS);
    }
    operations::prepare::<UnderHost>();
    spaces::prepare();
    devices::prepare();
    let has_disk = disks::prepare();
    interrupts::enable();
    row::print("", &[NULL_HYPERCALL]);
    row::print("", &operations::rows::<UnderHost>());
    row::print("", &spaces::rows::<UnderHost>());
    row::print("", &spaces::hosted_rows::<UnderHost>());
    row::print("", &[devices::KICK, devices::INTERRUPT_DELIVERY, devices::TEXT_SHOWN]);
    if has_disk {
        row::print("", &disks::ROWS);
    }
}
