//! What the Launcher left at the bottom of memory: how much there is, and the command line.
//!
//! Invariants: nothing else ever writes there: frames begin behind the image
//! ([`crate::frames`]), far above.
//!
//! Source: lguest ABI, "boot_params fields written by the Launcher".
//!
//! Next on the tour: [`crate::frames`].

use abi::boot_params::{CMD_LINE_PTR, COMMAND_LINE_MAX, E820_MAP, RAMDISK_SIZE};
use abi::{GuestPhys, PAGE_SIZE};

use crate::frames::{direct, read_phys};

/// Offset of the length in an entry of the memory map.
const E820_LEN: u32 = 8;

fn field(offset: u32) -> u32 {
    // SAFETY: the zero page is mapped, the offsets are aligned, and no Rust variable lives there.
    unsafe { read_phys(GuestPhys(offset)) }
}

/// Bytes of RAM; the device page begins right behind.
pub fn memory_size() -> u32 {
    field(E820_MAP + E820_LEN)
}

/// Bytes of the initrd at the end of RAM, in whole pages.
pub fn initrd_size() -> u32 {
    field(RAMDISK_SIZE).next_multiple_of(PAGE_SIZE)
}

/// The command line, empty if it is not text.
pub fn command_line() -> &'static str {
    let start = direct(GuestPhys(field(CMD_LINE_PTR))).0 as *const u8;
    // SAFETY: the page behind the zero page is mapped, holds at least this many bytes, and nobody
    // writes it while the Guest runs.
    let bytes: &'static [u8] = unsafe { core::slice::from_raw_parts(start, COMMAND_LINE_MAX as usize) };
    let text = bytes.split(|&byte| byte == 0).next().unwrap_or(&[]);
    str::from_utf8(text).unwrap_or("")
}
