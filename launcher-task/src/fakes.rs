//! Stand-ins for what surrounds the Launcher: the Host, a terminal, a driver, a linker.
//!
//! They know the ABI by its numbers, written out here a second time, so that
//! a wrong constant in the code under test is not wrong in its test as well.
//!
//! Next on the tour: [`crate::config`], whose tests use none of this.

#[path = "fakes/bzimage_file.rs"]
pub mod bzimage;
mod console;
mod driver;
mod elf_file;
mod entropy;
pub mod frames;
mod guest;
pub mod lan;
mod ram;

pub use bzimage::BzImageFile;
pub use console::FakeConsole;
pub use driver::{Driver, write_descriptor};
pub use elf_file::{ElfFile, Part};
pub use entropy::FakeEntropy;
pub use guest::FakeGuest;
pub use ram::Ram;
