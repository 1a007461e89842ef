//! The person's terminal: one serial line and one screen, shared by the Host and all Guests.
//!
//! Next on the tour: [`multiplexer`].

pub mod ansi;
pub mod bytes;
pub mod log;
pub mod multiplexer;
pub mod plain;
pub mod screen;
pub mod transmit;
