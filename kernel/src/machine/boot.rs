//! The first instructions: two Multiboot headers and a stack.
//!
//! GRUB prefers version 2, `qemu -kernel` and browsers' emulators know only
//! version 1, and nothing forbids a file to carry both: each loader looks for
//! its own magic number. Both leave the CPU in the same state: 32-bit
//! protected mode, paging and interrupts off, EAX the loader's magic number,
//! EBX the physical address of what it has to say.
//!
//! ```text
//! version 1   magic | flags: modules on pages, tell the memory | checksum
//! version 2   magic | i386 | length | checksum | end tag
//! ```
//!
//! Invariants: each header's sum is zero (asserted below), and both lie in the
//! first 8 KiB of the file (`linker.ld` puts them first).
//!
//! Source: Multiboot Specification 0.6.96, "OS image format"; Multiboot2
//! Specification 2.0, "OS image format".
//!
//! Next on the tour: [`super::boot_info`].

use core::arch::global_asm;

use super::stack::{BOOT_STACK, STACK_LEN};

/// What a version 1 loader leaves in EAX.
pub const LOADED_BY_1: u32 = 0x2BAD_B002;
/// What a version 2 loader leaves in EAX.
pub const LOADED_BY_2: u32 = multiboot2::MAGIC;

const MAGIC_1: u32 = 0x1BAD_B002;
/// Modules on page boundaries (bit 0), memory information (bit 1).
const FLAGS_1: u32 = 0b11;

const MAGIC_2: u32 = 0xE852_50D6;
const ARCHITECTURE_I386: u32 = 0;
/// Four dwords, then the end tag's two.
const LEN_2: u32 = 24;

const CHECKSUM_1: u32 = (MAGIC_1 + FLAGS_1).wrapping_neg();
const CHECKSUM_2: u32 = (MAGIC_2 + ARCHITECTURE_I386 + LEN_2).wrapping_neg();
const _: () = assert!(MAGIC_1.wrapping_add(FLAGS_1).wrapping_add(CHECKSUM_1) == 0);
const _: () = assert!(MAGIC_2.wrapping_add(LEN_2).wrapping_add(CHECKSUM_2) == 0);

global_asm!(
    ".pushsection .multiboot, \"a\"",
    ".balign 8",
    ".long {MAGIC_2}, {ARCHITECTURE_I386}, {LEN_2}, {CHECKSUM_2}",
    ".short 0, 0",
    ".long 8",
    ".long {MAGIC_1}, {FLAGS_1}, {CHECKSUM_1}",
    ".popsection",
    ".pushsection .text.boot_start, \"ax\"",
    ".global boot_start",
    "boot_start:",
    "    cli",
    "    cld",
    "    lea esp, [{STACK} + {STACK_LEN}]",
    // No flag survives from the loader: not NT, which an `iret` would trip over, nor IOPL.
    "    push 2",
    "    popfd",
    "    xor ebp, ebp",
    "    push ebx",
    "    push eax",
    "    call {HOST}",
    "    ud2",
    ".popsection",
    MAGIC_1 = const MAGIC_1, FLAGS_1 = const FLAGS_1, CHECKSUM_1 = const CHECKSUM_1,
    MAGIC_2 = const MAGIC_2, ARCHITECTURE_I386 = const ARCHITECTURE_I386, LEN_2 = const LEN_2,
    CHECKSUM_2 = const CHECKSUM_2,
    STACK = sym BOOT_STACK, STACK_LEN = const STACK_LEN, HOST = sym crate::host,
);
