//! The monitor's language: what can be asked about Guests, and how answers read.
//!
//! A person at the Host's console and a script at the second serial line ask
//! the same questions. Here a line becomes a command, and an answer becomes
//! lines for the one and JSON for the other. Nothing in here knows a Guest:
//! answers are plain values, which the Host's mind fills in.
//!
//! ```text
//!   bytes --editor--> words --command--> Wish --(the Host)--> Answer --> lines, JSON
//! ```
//!
//! It is a crate of its own because it is built for size: nobody waits for it.
//!
//! Invariants:
//! - No `unsafe`: the compiler checks it.
//! - Any words are understood or refused (`any_line_is_understood_or_refused`),
//!   any bytes survived (`any_bytes_are_survived`).
//!
//! Next on the tour: [`command`].
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod answer;
pub mod command;
pub mod editor;
pub mod gates;
pub mod memory;
pub mod place;
pub mod registers;
pub mod stats;
pub mod symbols;
pub mod tables;
