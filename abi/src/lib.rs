//! The treaty: everything Guest, Host and Launcher must agree on.
//!
//! The Host never shares a data structure with a Guest by accident. What both
//! sides touch is written down here once, as types and offsets, and every
//! other crate imports it. A thing enters this crate only when two crates
//! outside need it.
//!
//! ```text
//!          abi
//!        /  |  \
//!  switcher |   guest/kit
//!       \   |
//!     kernel  launcher-task
//! ```
//!
//! Invariants:
//! - No `unsafe`, no allocation, no I/O: the compiler checks the first,
//!   `no_std` without `alloc` the others.
//! - Layouts are asserted where they are declared.
//!
//! Source: the lguest ABI of Linux 2.6.25 to 4.13.
//!
//! Next on the tour: [`kill`].
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

pub mod access;
pub mod address;
pub mod boot_params;
pub mod device_page;
pub mod hypercall;
pub mod kill;
pub mod lguest_data;
pub mod memory;
pub mod pci;
pub mod run;
pub mod time;
pub mod variant;

pub use access::{Place, Width};
pub use address::{GuestLinear, GuestPhys, HostPhys, PAGE_SIZE};
pub use kill::{GuestResult, KillReason};
pub use memory::GuestMemory;
pub use run::{RunGuest, Shutdown, Stop};
pub use time::Nanos;
pub use variant::{Dialect, Variant};
