//! The Host's mind: everything it decides, and nothing it does to the machine.
//!
//! A Guest's turn is a loop: enter, see why it came back, do something about
//! it, enter again. The reasons, the page tables, the interrupts and the
//! descriptors behind that loop are plain data and safe code here; the CPU
//! itself is a port ([`cpu::Cpu`]), so the whole loop runs as an ordinary test
//! against a scripted one.
//!
//! ```text
//!            run          the loop, the only place a Guest dies
//!             |
//!           trap          what an exit means
//!   ________/ | \__________________
//!  /      |       |      |         \
//! shadow segment idt interrupt hypercall        never back up
//! ```
//!
//! Invariants:
//! - No `unsafe`: the compiler checks it. What needs it lives in the binary's
//!   `machine/` and in the Switcher.
//! - Nothing in here assumes there is only one Guest.
//!
//! Next on the tour: [`run`].
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod access;
mod bad_exit;
pub mod boot_tables;
pub mod core_file;
pub mod cpu;
pub mod debug;
pub mod decode;
pub mod event;
pub mod exit;
pub mod fpu;
pub mod gdb;
pub mod guest;
pub mod host;
pub mod hypercall;
pub mod idt;
pub mod inspect;
pub mod interrupt;
pub mod io;
pub mod look;
pub mod mmio;
pub mod multiplexer;
pub mod obey;
pub mod post_mortem;
pub mod preparation;
pub mod recognise;
pub mod ring;
pub mod run;
pub mod sched;
pub mod second_line;
pub mod segment;
pub mod set_pte;
pub mod shadow;
pub mod shared;
pub mod trace;
pub mod trap;
pub mod usage;
pub mod watch;

#[cfg(test)]
mod scripted;
