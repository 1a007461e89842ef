//! Writes what a Guest reads first: the boot parameters and the command line.
//!
//! Memory is zero when this starts, so only fields that are not zero are
//! written. Where the image has a header, that is copied first and then the
//! fields that are the Launcher's to say. The memory map has a single entry,
//! `[0, memory)`: a Guest takes nothing else, and looks for its device page
//! exactly where that entry ends.
//!
//! Invariants: what was written reads back at the offsets the ABI gives, and
//! the rest of the page stays zero or the header's
//! (`every_field_reads_back_and_the_rest_is_zero`,
//! `an_image_s_own_header_stays_where_the_launcher_has_nothing_to_say`).
//!
//! Source: lguest ABI, "boot_params fields written by the Launcher".
//!
//! Next on the tour: [`crate::bus`].

use core::ops::Range;

use abi::boot_params::{
    CMD_LINE_PTR, COMMAND_LINE_AT, DEFAULT_ALIGNMENT, E820_ENTRIES, E820_MAP, E820_RAM, HARDWARE_SUBARCH,
    KEEP_SEGMENTS, KERNEL_ALIGNMENT, LOADFLAGS, PROTOCOL_2_07, PROTOCOL_VERSION, RAMDISK_IMAGE, RAMDISK_SIZE,
    SETUP_HEADER, SUBARCH_LGUEST, TYPE_OF_LOADER,
};
use abi::{GuestMemory, GuestPhys, GuestResult};

use crate::layout::Layout;

/// Value of the loader type: none of those with a number.
const LOADER_UNDEFINED: u8 = 0xFF;

/// Fills in boot parameters and command line, each no longer than its place. `header` is the
/// image's own, or empty.
///
/// # Errors
/// [`abi::KillReason::OutOfGuestMemory`] if there is not even memory for these.
pub fn write(
    memory: &mut dyn GuestMemory,
    layout: &Layout,
    command_line: &str,
    header: &[u8],
) -> GuestResult {
    memory.write_from(GuestPhys(SETUP_HEADER), header)?;
    memory.write_from(GuestPhys(COMMAND_LINE_AT), command_line.as_bytes())?;
    memory.write_u32(GuestPhys(CMD_LINE_PTR), COMMAND_LINE_AT)?;
    memory.write_u16(GuestPhys(PROTOCOL_VERSION), PROTOCOL_2_07)?;
    let flags = memory.read_u8(GuestPhys(LOADFLAGS))?;
    memory.write_u8(GuestPhys(LOADFLAGS), flags | KEEP_SEGMENTS)?;
    if memory.read_u32(GuestPhys(KERNEL_ALIGNMENT))? == 0 {
        memory.write_u32(GuestPhys(KERNEL_ALIGNMENT), DEFAULT_ALIGNMENT)?;
    }
    memory.write_u32(GuestPhys(HARDWARE_SUBARCH), SUBARCH_LGUEST)?;
    write_memory_map(memory, layout.memory())?;
    write_initrd(memory, layout.initrd())
}

/// One entry: `u64` start 0, `u64` length, `u32` kind.
fn write_memory_map(memory: &mut dyn GuestMemory, len: u32) -> GuestResult {
    memory.write_u8(GuestPhys(E820_ENTRIES), 1)?;
    memory.write_u32(GuestPhys(E820_MAP + 8), len)?;
    memory.write_u32(GuestPhys(E820_MAP + 16), E820_RAM)
}

/// An image's header may name an initrd; only a Guest's own is one.
fn write_initrd(memory: &mut dyn GuestMemory, place: Option<Range<u32>>) -> GuestResult {
    let (loader, place) = match place {
        Some(place) => (LOADER_UNDEFINED, place),
        None => (0, 0..0),
    };
    memory.write_u8(GuestPhys(TYPE_OF_LOADER), loader)?;
    memory.write_u32(GuestPhys(RAMDISK_IMAGE), place.start)?;
    memory.write_u32(GuestPhys(RAMDISK_SIZE), place.end - place.start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::MIB, fakes::Ram};

    /// The fields a Guest finds in page 0, by the offsets of the ABI's own table.
    fn written(initrd_len: usize, header: &[u8]) -> Ram {
        let mut ram = Ram::zeroed(2 * MIB);
        let layout = Layout::admit(2 * MIB, initrd_len, u32::MAX).unwrap();
        write(&mut ram, &layout, "console=hvc0 quiet", header).unwrap();
        ram
    }

    #[test]
    fn every_field_reads_back_and_the_rest_is_zero() {
        let mut ram = written(4097, &[]);
        let fields: [(usize, &[u8]); 10] = [
            (0x1E8, &[1]),
            (0x206, &[0x07, 0x02]),
            (0x210, &[0xFF]),
            (0x211, &[0x40]),
            (0x218, &[0, 0xE0, 0x1F, 0]),
            (0x21C, &[0, 0x20, 0, 0]),
            (0x228, &[0, 0x10, 0, 0]),
            (0x230, &[0, 0, 0, 1]),
            (0x23C, &[1, 0, 0, 0]),
            (0x2D0, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 1, 0, 0, 0]),
        ];
        for (offset, bytes) in fields {
            assert_eq!(&ram[offset..offset + bytes.len()], bytes, "field at {offset:#x}");
            ram[offset..offset + bytes.len()].fill(0);
        }
        assert_eq!(&ram[0x1000..0x1013], b"console=hvc0 quiet\0");
        ram[0x1000..0x1013].fill(0);
        assert!(ram == Ram::zeroed(2 * MIB));
    }

    #[test]
    fn without_an_initrd_its_fields_stay_zero() {
        let ram = written(0, &[]);
        assert_eq!(ram[0x210], 0);
        assert_eq!(ram[0x218..0x220], [0; 8]);
    }

    #[test]
    fn an_image_s_own_header_stays_where_the_launcher_has_nothing_to_say() {
        let ram = written(0, &[0xEE; 0x290 - 0x1F1]);
        assert_eq!((ram[0x1F0], ram[0x1F1], ram[0x28F], ram[0x290]), (0, 0xEE, 0xEE, 0));
        assert_eq!(ram[0x206..0x208], [0x07, 0x02]);
        assert_eq!((ram[0x210], ram[0x211]), (0, 0xEE));
        assert_eq!(ram[0x218..0x220], [0; 8]);
        assert_eq!(ram[0x230..0x234], [0xEE; 4]);
        assert_eq!(ram[0x23C..0x240], [1, 0, 0, 0]);
    }
}
