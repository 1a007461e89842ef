//! A Guest of ours inside a bzImage, as a Linux build would have packed it, but for the packing.
//!
//! Source: Linux boot protocol.
//!
//! Next on the tour: the tests in `tests/machine/`.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::bzimage_file::BzImageFile;
use crate::scratch::Scratch;

/// Where `e_entry` is in an ELF file.
const ELF_ENTRY: usize = 24;

/// Makes a bzImage called `release` of the image of a Guest that is loaded at 1 MiB.
pub fn of_guest(elf: &Path, release: &str, scratch: &Scratch) -> BzImageFile {
    let flat = scratch.path("guest.bin");
    let status = Command::new("objcopy").args(["-O", "binary"]).arg(elf).arg(&flat).status();
    assert!(status.expect("objcopy starts").success(), "objcopy failed on {}", elf.display());
    let code = fs::read(flat).expect("objcopy has written it");
    let mut file = BzImageFile::new(release, &code);
    let header = fs::read(elf).expect("the Guest's image can be read");
    let entry = header[ELF_ENTRY..].first_chunk().expect("it is an ELF file");
    file.put32(0x214, u32::from_le_bytes(*entry)).put32(0x260, 1 << 20);
    file
}
