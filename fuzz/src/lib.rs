//! What the fuzz targets share: a small world for a random Guest, and judges that know little.
//!
//! The CPU and its page tables are those of the kernel's property tests. What is here besides
//! them has its own idea of the rules, so that a mistake in the Host is not made twice.
#![forbid(unsafe_code)]

pub mod bent_bzimage;
pub mod bent_file;
#[path = "../../launcher-task/src/fakes/bzimage_file.rs"]
pub mod bzimage_file;
#[path = "../../launcher-task/src/fakes/elf_file.rs"]
pub mod elf_file;
#[path = "../../kernel/tests/properties/hardware.rs"]
pub mod hardware;
pub mod judge;
pub mod loaded;
pub mod noise;
pub mod player;
#[path = "../../kernel/tests/properties/ram.rs"]
pub mod ram;
#[allow(clippy::new_without_default, reason = "not public where it comes from")]
#[path = "../../kernel/tests/properties/script.rs"]
pub mod script;
pub mod walk;
pub mod world;
