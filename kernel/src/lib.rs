//! The Host's logic: everything it decides, and nothing it does to the machine.
//!
//! A Guest's turn is a loop: enter, see why it came back, do something about
//! it, enter again. The reasons, the page tables, the interrupts and the
//! descriptors behind that loop are plain data and safe code here; the CPU
//! itself is a port ([`cpu::Cpu`]), so the whole loop runs as an ordinary test
//! against a scripted one.
//!
//! The code lives in rooms. A room imports from those above it in this list and
//! from no other, and a test (`rooms.rs`) reads the list and the imports:
//!
//! ```text
//! cpu        what a CPU is for the Host: its port, exits, flags, FPU registers
//! trace      events: what happened to a Guest, and how that leaves the machine
//! decode     one instruction, taken apart
//! hypercall  calls parsed, alone or from the ring
//! shadow     shadow page tables
//! guest      what is kept for a Guest: segments, gates, interrupts, lguest_data
//! emulate    instructions performed for a Guest: ports and device registers
//! run        the loop: an exit, what it means, the next entry
//! debug      the loop around a Guest that is debugged
//! inspect    looking into a Guest: monitor, core files, last words, usage
//! gdb        GDB's protocol
//! sched      whose turn it is
//! platform   the machine, as far as it can be thought about without one
//! terminal   one serial line and one screen for all
//! ```
//!
//! Invariants:
//! - No `unsafe`: the compiler checks it. What needs it lives in the binary's
//!   `machine/` and in the Switcher.
//! - Nothing in here assumes there is only one Guest.
//! - No two files import each other, by whatever detour
//!   (`no_file_imports_itself_by_a_detour`).
//!
//! Next on the tour: [`run`].
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod cpu;
pub mod debug;
pub mod decode;
pub mod emulate;
pub mod gdb;
pub mod guest;
pub mod hypercall;
pub mod inspect;
pub mod platform;
pub mod run;
pub mod sched;
pub mod shadow;
pub mod terminal;
pub mod trace;

#[cfg(test)]
mod scripted;
