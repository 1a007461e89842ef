//! Boots Kennel in emulators and reads the serial line.
//!
//! Unit tests know what each part does; only a machine knows whether they make a
//! hypervisor. This crate starts one, talks to it and judges what it said:
//!
//! ```text
//!  artefacts --> Boot --> iso        what is booted, and by which loader
//!                  |       |
//!                  v       v
//!                qemu  bochs  v86    three machines, each hides something else
//!                  \     |    /
//!                  Session           start, wait for words, type, wait for the end
//!                     |
//!                  Outcome           the whole log and the exit code
//!                     |
//!                  verdict           what a test Guest's report means
//!                  crowd             random Guests between two innocents, from one seed
//!
//!  imports                           which source file imports from which; nothing is booted
//! ```
//!
//! Invariants:
//! - Every wait has a limit, and a wait that ends there prints all that was heard
//!   (`a_silent_machine_is_reported_with_its_log`).
//! - No emulator outlives its [`Session`] (`a_dropped_session_leaves_no_process_behind`).
//! - *No report is an error* (`no_report_is_an_error`).
//!
//! Next on the tour: [`boot`].
#![forbid(unsafe_code)]

pub mod artefacts;
pub mod bochs;
pub mod boot;
pub mod bzimage;
#[path = "../../launcher-task/src/fakes/bzimage_file.rs"]
pub mod bzimage_file;
pub mod c_header;
pub mod cpio;
pub mod crowd;
pub mod elf;
pub mod gdb;
pub mod imports;
pub mod iso;
pub mod link;
pub mod outcome;
pub mod qemu;
pub mod scratch;
pub mod session;
pub mod v86;
pub mod verdict;

pub use bochs::Bochs;
pub use boot::{Boot, Module};
pub use gdb::Gdb;
pub use outcome::Outcome;
pub use qemu::Qemu;
pub use session::Session;
pub use v86::V86;
