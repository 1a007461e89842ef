//! Writes what a Guest reads first: the boot parameters and the command line.
//!
//! Memory is zero when this starts, so only fields that are not zero are
//! written. The memory map has a single entry, `[0, memory)`: a Guest takes
//! nothing else, and looks for its device page exactly where that entry ends.
//!
//! Invariants: what was written reads back at the offsets the ABI gives, and
//! the rest of the page stays zero (`every_field_reads_back_and_the_rest_is_zero`).
//!
//! Source: lguest ABI, "boot_params fields written by the Launcher".
//!
//! Next on the tour: [`crate::bus`].

use abi::boot_params::{
    CMD_LINE_PTR, COMMAND_LINE_AT, COMMAND_LINE_MAX, DEFAULT_ALIGNMENT, E820_ENTRIES, E820_MAP, E820_RAM,
    HARDWARE_SUBARCH, KEEP_SEGMENTS, KERNEL_ALIGNMENT, LOADFLAGS, PROTOCOL_2_07, PROTOCOL_VERSION,
    RAMDISK_IMAGE, RAMDISK_SIZE, SUBARCH_LGUEST, TYPE_OF_LOADER,
};
use abi::{GuestMemory, GuestPhys, GuestResult};

use crate::layout::Layout;

/// Value of the loader type: none of those with a number.
const LOADER_UNDEFINED: u8 = 0xFF;

/// Tells whether a command line fits its place, NUL included.
pub fn fits(command_line: &str) -> bool {
    command_line.len() < COMMAND_LINE_MAX as usize
}

/// Fills in boot parameters and command line, which must [`fits`].
///
/// # Errors
/// [`abi::KillReason::OutOfGuestMemory`] if there is not even memory for these.
pub fn write(memory: &mut dyn GuestMemory, layout: &Layout, command_line: &str) -> GuestResult {
    memory.write_from(GuestPhys(COMMAND_LINE_AT), command_line.as_bytes())?;
    memory.write_u32(GuestPhys(CMD_LINE_PTR), COMMAND_LINE_AT)?;
    memory.write_u16(GuestPhys(PROTOCOL_VERSION), PROTOCOL_2_07)?;
    memory.write_u8(GuestPhys(LOADFLAGS), KEEP_SEGMENTS)?;
    memory.write_u32(GuestPhys(KERNEL_ALIGNMENT), DEFAULT_ALIGNMENT)?;
    memory.write_u32(GuestPhys(HARDWARE_SUBARCH), SUBARCH_LGUEST)?;
    write_memory_map(memory, layout.memory())?;
    match layout.initrd() {
        Some(place) => write_initrd(memory, place.start, place.end - place.start),
        None => Ok(()),
    }
}

/// One entry: `u64` start 0, `u64` length, `u32` kind.
fn write_memory_map(memory: &mut dyn GuestMemory, len: u32) -> GuestResult {
    memory.write_u8(GuestPhys(E820_ENTRIES), 1)?;
    memory.write_u32(GuestPhys(E820_MAP + 8), len)?;
    memory.write_u32(GuestPhys(E820_MAP + 16), E820_RAM)
}

fn write_initrd(memory: &mut dyn GuestMemory, at: u32, len: u32) -> GuestResult {
    memory.write_u8(GuestPhys(TYPE_OF_LOADER), LOADER_UNDEFINED)?;
    memory.write_u32(GuestPhys(RAMDISK_IMAGE), at)?;
    memory.write_u32(GuestPhys(RAMDISK_SIZE), len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::MIB, fakes::Ram};

    /// The fields a Guest finds in page 0, by the offsets of the ABI's own table.
    fn written(initrd_len: usize) -> Ram {
        let mut ram = Ram::zeroed(2 * MIB);
        let layout = Layout::admit(2 * MIB, initrd_len).unwrap();
        write(&mut ram, &layout, "console=hvc0 quiet").unwrap();
        ram
    }

    #[test]
    fn every_field_reads_back_and_the_rest_is_zero() {
        let mut ram = written(4097);
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
        assert!(ram.iter().all(|&byte| byte == 0));
    }

    #[test]
    fn without_an_initrd_its_fields_stay_zero() {
        let ram = written(0);
        assert_eq!(ram[0x210], 0);
        assert_eq!(ram[0x218..0x220], [0; 8]);
    }

    #[test]
    fn a_command_line_leaves_room_for_its_nul() {
        assert!(fits(&"x".repeat(2047)));
        assert!(!fits(&"x".repeat(2048)));
    }
}
