//! The kit a Guest is written with.
//!
//! A Guest is an ordinary kernel that never had the machine to itself: it runs
//! at ring 1, asks the Host by hypercall for what it may not do, and keeps its
//! interrupt flag in memory. This library turns that into plain functions, so
//! that a Guest which shows one behaviour is as short as the behaviour.
//!
//! ```text
//!  entry · dialect          what year it is, INIT, first page tables, jump high
//!   hypercall · lazy        one call at a time, or sixty-four
//!   interrupts · traps      the flag in memory, gates, frames, the iret stub
//!   paging · segments       what a kernel owns, and the Host mirrors
//!   user · time · console   ring 3, ticks, text
//!   driver · block · rng     devices: disks, entropy
//!   report · probe          how a test says what it saw
//!   trespass · wild         what a Guest must not do, and code that nobody wrote
//! ```
//!
//! A few modules know nothing of a machine ([`gate`], [`segment_descriptor`],
//! [`page_table`], [`virtqueue`], [`devices`], [`dialect`], [`mod@line`], [`words`],
//! [`text`], [`tsc`], [`ring`]):
//! those are built natively too, where their tests run. The others would be
//! dead on arrival in a process and are left out of a test build.
//!
//! Invariants: what is `unsafe` stays in this crate; a Guest built on it needs
//! none, except to name its own entry point (which [`guest!`] writes for it).
//!
//! Next on the tour: [`entry`].
#![cfg_attr(not(test), no_std)]

pub mod devices;
pub mod dialect;
pub mod gate;
pub mod line;
pub mod page_table;
pub mod ring;
pub mod segment_descriptor;
pub mod text;
pub mod tsc;
pub mod virtqueue;
pub mod words;

// The memory functions have no caller in Rust; the linker needs to see the crate named.
#[cfg(not(test))]
extern crate freestanding as _;

#[cfg(not(test))]
pub mod bare;
#[cfg(not(test))]
pub mod block;
#[cfg(not(test))]
pub mod boot_params;
#[cfg(not(test))]
pub mod console;
#[cfg(not(test))]
pub mod debug;
#[cfg(not(test))]
pub mod device_window;
#[cfg(not(test))]
pub mod driver;
#[cfg(not(test))]
pub mod entry;
#[cfg(not(test))]
pub mod fpu;
#[cfg(not(test))]
pub mod frames;
#[cfg(not(test))]
pub mod hypercall;
#[cfg(not(test))]
pub mod interrupt_flag;
#[cfg(not(test))]
pub mod interrupts;
#[cfg(not(test))]
pub mod lan;
#[cfg(not(test))]
pub mod last_words;
#[cfg(not(test))]
pub mod lazy;
#[cfg(not(test))]
pub mod local;
#[cfg(not(test))]
pub mod mmio;
#[cfg(not(test))]
pub mod native;
#[cfg(not(test))]
pub mod net;
#[cfg(not(test))]
pub mod paging;
#[cfg(not(test))]
pub mod pci;
#[cfg(not(test))]
pub mod power;
#[cfg(not(test))]
pub mod probe;
#[cfg(not(test))]
pub mod report;
#[cfg(not(test))]
pub mod rng;
#[cfg(not(test))]
pub mod segments;
#[cfg(not(test))]
pub mod shared;
#[cfg(not(test))]
pub mod time;
#[cfg(not(test))]
pub mod traps;
#[cfg(not(test))]
pub mod trespass;
#[cfg(not(test))]
pub mod user;
#[cfg(not(test))]
pub mod wild;

pub use abi::{GuestLinear, GuestPhys, Nanos, PAGE_SIZE};

/// Where the kernel half begins, and where physical 0 appears in it.
pub const PAGE_OFFSET: u32 = 0xC000_0000;
