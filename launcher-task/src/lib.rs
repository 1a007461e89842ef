//! The Launcher: everything about a Guest that is not its CPU.
//!
//! It reads from the boot command lines which Guests there shall be, lays out
//! their memory, loads their images, gives them devices, and then calls the
//! Host to run them, again and again, serving what they stop for. It is the
//! user-space program of the original design, kept as a library that does not
//! know the Host: all it sees is [`abi::RunGuest`] and a few ports.
//!
//! ```text
//!  boot command lines --config--> Plan --+
//!  image, initrd ---image: elf, bzimage--+--> task::Launcher --step--> Step
//!                                        |      |  run() -> Stop
//!                      layout, boot_params      +--> bus --> slot --> device --> port
//!                                                     |  virtqueue, rings, chain
//!                                                     +--> Guest memory
//! ```
//!
//! Invariants:
//! - Nothing a Guest or an image file says is trusted: what breaks a rule is an
//!   [`image::ImageError`] or a [`abi::KillReason`], never a panic (the
//!   property tests beside each parser).
//! - What a Guest could rewrite is copied before it is judged, and it is
//!   judged on the copy ([`chain`], [`bus`]).
//! - A kick allocates nothing: a chain's room is made once
//!   (`a_chain_as_long_as_its_queue_fits_and_no_longer`).
//!
//! Source: lguest ABI, sections "Boot", "Devices" and "Shutdown"; virtio 0.9.5.
//!
//! Next on the tour: [`config`].
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod block;
pub mod boot_params;
pub mod bus;
pub mod bzimage;
pub mod chain;
pub mod config;
pub mod console;
pub mod device;
pub mod device_page;
pub mod elf;
pub mod fields;
pub mod image;
pub mod layout;
pub mod net;
pub mod port;
pub mod release;
pub mod rings;
pub mod rng;
pub mod slot;
pub mod task;
pub mod virtqueue;

#[cfg(test)]
mod fakes;

pub use block::{BlockDevice, Overlay, Store};
pub use config::{Config, ConfigError, Plan};
pub use console::ConsoleSize;
pub use image::ImageError;
pub use port::{Console, Entropy, Log, Ports};
pub use task::{Launcher, Outcome, Step};
