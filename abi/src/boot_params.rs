//! The boot parameters ("zero page"): what a Guest finds at physical 0.
//!
//! The first page of Guest memory is all zero but for these fields and, where
//! the image is a bzImage, the rest of its header. The page behind it holds the
//! command line. ESI is 0 at the start, which is the page's address.
//!
//! Source: lguest ABI, "boot_params fields written by the Launcher"; Linux
//! boot protocol 2.07.
//!
//! Next on the tour: [`crate::device_page`].

/// Where the command line is put, NUL-terminated.
pub const COMMAND_LINE_AT: u32 = 0x1000;
/// Longest command line, its NUL included.
pub const COMMAND_LINE_MAX: u32 = 2048;

/// `u8`: entries in the memory map, always 1.
pub const E820_ENTRIES: u32 = 0x1E8;
/// A bzImage's own header is copied to here, before the fields below are filled in, ...
pub const SETUP_HEADER: u32 = 0x1F1;
/// ... and ends here at the latest.
pub const SETUP_HEADER_END: u32 = 0x290;
/// `u16`: boot protocol version.
pub const PROTOCOL_VERSION: u32 = 0x206;
/// `u8`: which loader, 0xFF for "none of those known"; set only with an initrd.
pub const TYPE_OF_LOADER: u32 = 0x210;
/// `u8`: bit 6 asks the kernel to keep the segments it was given.
pub const LOADFLAGS: u32 = 0x211;
/// `u32`: physical address of the initrd.
pub const RAMDISK_IMAGE: u32 = 0x218;
/// `u32`: bytes of the initrd, rounded up to a page.
pub const RAMDISK_SIZE: u32 = 0x21C;
/// `u32`: physical address of the command line.
pub const CMD_LINE_PTR: u32 = 0x228;
/// `u32`: alignment a relocatable kernel uses.
pub const KERNEL_ALIGNMENT: u32 = 0x230;
/// `u32`: which kind of machine, [`SUBARCH_LGUEST`].
pub const HARDWARE_SUBARCH: u32 = 0x23C;
/// The memory map's first entry: `u64` start, `u64` length, `u32` kind.
pub const E820_MAP: u32 = 0x2D0;

/// Value of [`PROTOCOL_VERSION`]: the first that knows subarchitectures.
pub const PROTOCOL_2_07: u16 = 0x0207;
/// Bit of [`LOADFLAGS`].
pub const KEEP_SEGMENTS: u8 = 0x40;
/// Value of [`HARDWARE_SUBARCH`] for this ABI.
pub const SUBARCH_LGUEST: u32 = 1;
/// Kind of memory map entry: usable RAM.
pub const E820_RAM: u32 = 1;
/// Value of [`KERNEL_ALIGNMENT`].
pub const DEFAULT_ALIGNMENT: u32 = 0x0100_0000;
