//! The thinking half of the Host's body: what can be decided without a machine.
//!
//! Parsing, arithmetic and formatting live here, where they are safe code and
//! run under `cargo test`; `machine/` in the binary feeds them from ports and
//! memory and does as they say.
//!
//! Next on the tour: [`boot_info`].

pub mod acpi;
pub mod boot_info;
pub mod dump;
pub mod entropy;
pub mod frames;
pub mod keyboard;
pub mod multiboot1;
pub mod pit;
pub mod rtc;
pub mod second_line;
pub mod tsc;
pub mod wall;
