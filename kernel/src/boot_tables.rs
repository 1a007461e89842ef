//! The page tables that Guests up to 3.0 start on.
//!
//! Later Guests start without tables and make their own. Earlier ones expect
//! to find tables in their own memory, right below the initrd, that map all of
//! it twice: where it is, and from the beginning of the kernel half. Until
//! INIT nobody looks at them, and linear mode maps the same, so they are
//! written then.
//!
//! ```text
//! two levels:        table pages | directory          | initrd, or the end of RAM
//! PAE:    PMD page | table pages | pointers, 4 of 512 | initrd, or the end of RAM
//! ```
//!
//! Source: lguest ABI, "Address translation at start".
//!
//! Next on the tour: [`crate::hypercall`].

use abi::boot_params::{E820_MAP, RAMDISK_IMAGE, RAMDISK_SIZE};
use abi::kill::HypercallError;
use abi::{GuestMemory, GuestPhys, GuestResult, PAGE_SIZE};

use crate::shadow::entry::{P, U, W};
use crate::shadow::walk::Format;

/// Flags of every entry: present, writable, open to ring 3.
const FLAGS: u32 = P | W | U;

/// Builds the tables; returns where the top level is.
///
/// # Errors
/// [`HypercallError::BootTables`] if they have no room.
// Rare, and in the loop all the same: a call there costs each exit registers.
#[inline(always)]
pub fn build(memory: &mut impl GuestMemory, kernel_address: u32, format: Format) -> GuestResult<GuestPhys> {
    let ram = memory.read_u32(GuestPhys(E820_MAP + 8))?;
    let initrd = match memory.read_u32(GuestPhys(RAMDISK_SIZE))? {
        0 => ram,
        _ => memory.read_u32(GuestPhys(RAMDISK_IMAGE))?,
    };
    let tables = ram.div_ceil(format.table_span()).min(format.tables_in_first_gib());
    // Top level, tables, and the middle level that PAE has.
    let pages = tables + 2;
    let room = Some(initrd).filter(|&end| end <= ram && ram <= memory.limit() && end / PAGE_SIZE > pages);
    let top = room.ok_or(HypercallError::BootTables)? / PAGE_SIZE * PAGE_SIZE - PAGE_SIZE;
    let first_table = top - tables * PAGE_SIZE;
    fill_tables(memory, first_table, ram / PAGE_SIZE, tables, format)?;
    match format {
        Format::TwoLevel => {
            for half in [0, kernel_address >> 22] {
                link(memory, GuestPhys(top), half, first_table, tables, format)?;
            }
        }
        Format::Pae => {
            let middle = first_table - PAGE_SIZE;
            link(memory, GuestPhys(middle), 0, first_table, tables, format)?;
            for half in [0, kernel_address >> 30] {
                put(memory, GuestPhys(top), half, middle | P, format)?;
            }
        }
    }
    Ok(GuestPhys(top))
}

/// Maps the first `pages` pages of memory, in tables that lie one behind the other.
fn fill_tables(
    memory: &mut impl GuestMemory,
    first_table: u32,
    pages: u32,
    tables: u32,
    format: Format,
) -> GuestResult {
    let entries = tables * (PAGE_SIZE / format.entry_len());
    (0..entries).try_for_each(|page| {
        let entry = if page < pages { (page * PAGE_SIZE) | FLAGS } else { 0 };
        put(memory, GuestPhys(first_table), page, entry, format)
    })
}

/// Points `count` entries of a directory, from `first`, at tables that lie one behind the other.
fn link(
    memory: &mut impl GuestMemory,
    directory: GuestPhys,
    first: u32,
    tables: u32,
    count: u32,
    format: Format,
) -> GuestResult {
    let last = PAGE_SIZE / format.entry_len();
    (first..last.min(first + count)).zip(0..).try_for_each(|(index, table)| {
        put(memory, directory, index, (tables + table * PAGE_SIZE) | FLAGS, format)
    })
}

fn put(memory: &mut impl GuestMemory, at: GuestPhys, index: u32, entry: u32, format: Format) -> GuestResult {
    let at = GuestPhys(at.0 + index * format.entry_len());
    memory.write_u32(at, entry)?;
    match format {
        Format::TwoLevel => Ok(()),
        Format::Pae => memory.write_u32(GuestPhys(at.0 + 4), 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::PageFaultCode;
    use crate::scripted::Ram;
    use crate::shadow::walk::Walk;
    use abi::GuestLinear;

    const KERNEL: u32 = 0xC000_0000;
    const RAM: u32 = 0x90_0000;

    fn ram(len: u32, initrd: u32) -> Ram {
        let mut ram = Ram::new(RAM as usize);
        ram.write_u32(GuestPhys(E820_MAP + 8), len).unwrap();
        ram.write_u32(GuestPhys(RAMDISK_SIZE), initrd).unwrap();
        let place = len.wrapping_sub(initrd) & !(PAGE_SIZE - 1);
        ram.write_u32(GuestPhys(RAMDISK_IMAGE), place).unwrap();
        ram
    }

    #[test]
    fn all_of_memory_is_there_twice() {
        for format in [Format::TwoLevel, Format::Pae] {
            let mut ram = ram(RAM, 0x1234);
            let top = build(&mut ram, KERNEL, format).unwrap();
            assert_eq!(top, GuestPhys(RAM - 0x2000 - PAGE_SIZE));
            for at in [0, 0x40_0000, RAM - PAGE_SIZE] {
                for linear in [at, KERNEL + at] {
                    let code = PageFaultCode(PageFaultCode::WRITE | PageFaultCode::USER);
                    let walk = format.walk(&mut ram, top, GuestLinear(linear), code, 0);
                    let Ok(Walk::Page { entry, .. }) = walk else { panic!("{linear:#x}: {walk:?}") };
                    assert_eq!(entry.address(), GuestPhys(at));
                }
            }
            let beyond = format.walk(&mut ram, top, GuestLinear(RAM), PageFaultCode(0), 0);
            assert_eq!(beyond, Ok(Walk::Fault { present: false }));
        }
    }

    #[test]
    fn an_initrd_below_the_end_of_memory_is_not_written_over() {
        let mut ram = ram(RAM, 0x1000);
        ram.write_u32(GuestPhys(RAMDISK_IMAGE), RAM - 0x4000).unwrap();
        let top = build(&mut ram, KERNEL, Format::TwoLevel);
        assert_eq!(top, Ok(GuestPhys(RAM - 0x4000 - PAGE_SIZE)));
    }

    #[test]
    fn without_room_there_are_none() {
        for (len, initrd) in [(RAM, RAM), (0, 0), (RAM, RAM - 0x3000), (RAM + PAGE_SIZE, 0), (u32::MAX, 0)] {
            for format in [Format::TwoLevel, Format::Pae] {
                let built = build(&mut ram(len, initrd), KERNEL, format);
                assert_eq!(built, Err(HypercallError::BootTables.into()), "{len:#x} {initrd:#x}");
            }
        }
    }
}
