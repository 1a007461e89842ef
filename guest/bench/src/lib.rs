//! What Kennel costs, row by row, in instructions.
//!
//! Under QEMU's `-icount shift=0` the TSC counts executed instructions, the
//! Host's among them, so the difference of two readings is a price, the same
//! on every run. Each row's operation runs as a Guest and on the bare machine;
//! where the two must differ (who switches page tables, who sets the timer)
//! stands the trait [`Machine`].
//!
//! ```text
//!   bench NAME FIGURE           as a Guest
//!   bench native-NAME FIGURE    by the same code at ring 0
//! ```
//!
//! To add a row: write its operation in [`operations`] or, if it is about page
//! tables, in [`spaces`], and add a line to the `rows` there.
//!
//! Next on the tour: [`figure`].
#![cfg_attr(not(test), no_std)]
#![deny(unsafe_code)]

#[cfg(not(test))]
pub mod devices;
#[cfg(not(test))]
pub mod disks;
pub mod figure;
#[cfg(not(test))]
pub mod large;
#[cfg(not(test))]
pub mod nets;
#[cfg(not(test))]
pub mod operations;
#[cfg(not(test))]
pub mod row;
#[cfg(not(test))]
pub mod spaces;

#[cfg(not(test))]
use kit::{GuestLinear, Nanos, page_table::Entry, paging::Root};

/// What has to be asked of a Host, or done where there is none.
#[cfg(not(test))]
pub trait Machine {
    /// Switches to other page tables.
    fn switch_to(root: Root);
    /// Has what is remembered of the user half checked, or dropped.
    fn forget_user_half();
    /// Drops everything that is remembered, of every address space.
    fn forget_everything();
    /// Drops what is remembered of `count` tables, from that for `at` on, below `root`.
    fn forget_tables(root: Root, at: GuestLinear, count: u32);
    /// Says that `entry` now translates `at` below `root`.
    fn announce(root: Root, at: GuestLinear, entry: Entry);
    /// Says so no later than at the next [`Machine::announce_now`].
    fn announce_later(root: Root, at: GuestLinear, entry: Entry);
    /// Says what was put off.
    fn announce_now();
    /// Asks for one timer interrupt.
    fn set_alarm(delay: Nanos);
}
