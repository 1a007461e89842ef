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
//! Invariants:
//! - Tables that would not fit, or not lie in memory, are none
//!   (`without_room_there_are_none`).
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

/// Tables that are being written: where they are, and how far that is.
pub struct BootTables {
    format: Format,
    kernel_address: u32,
    /// Pages of memory they map.
    pages: u32,
    /// The first table, how many there are, and how many of them are written.
    first: u32,
    count: u32,
    written: u32,
    top: u32,
}

impl BootTables {
    /// Finds a place for them.
    ///
    /// # Errors
    /// [`HypercallError::BootTables`] if they have no room.
    pub fn plan(memory: &impl GuestMemory, kernel_address: u32, format: Format) -> GuestResult<Self> {
        let ram = memory.read_u32(GuestPhys(E820_MAP + 8))?;
        let initrd = match memory.read_u32(GuestPhys(RAMDISK_SIZE))? {
            0 => ram,
            _ => memory.read_u32(GuestPhys(RAMDISK_IMAGE))?,
        };
        let count = ram.div_ceil(format.table_span()).min(format.tables_in_first_gib());
        // Top level, tables, and the middle level that PAE has.
        let all = count + 2;
        let room = Some(initrd).filter(|&end| end <= ram && ram <= memory.limit() && end / PAGE_SIZE > all);
        let top = room.ok_or(HypercallError::BootTables)? / PAGE_SIZE * PAGE_SIZE - PAGE_SIZE;
        let (pages, first) = (ram / PAGE_SIZE, top - count * PAGE_SIZE);
        Ok(Self { format, kernel_address, pages, first, count, written: 0, top })
    }

    /// Which kind they are of.
    pub const fn format(&self) -> Format {
        self.format
    }

    /// Writes one more table, and behind the last what leads to them. Where the top level is, once all
    /// is done.
    ///
    /// # Errors
    /// [`abi::KillReason::OutOfGuestMemory`], which the plan has ruled out.
    pub fn advance(&mut self, memory: &mut impl GuestMemory) -> GuestResult<Option<GuestPhys>> {
        if self.written < self.count {
            self.fill(memory)?;
            self.written += 1;
            return Ok(None);
        }
        let Self { format, kernel_address, first, count, top, .. } = *self;
        match format {
            Format::TwoLevel => {
                for half in [0, kernel_address >> 22] {
                    link(memory, GuestPhys(top), half, first, count, format)?;
                }
            }
            Format::Pae => {
                let middle = first - PAGE_SIZE;
                link(memory, GuestPhys(middle), 0, first, count, format)?;
                for half in [0, kernel_address >> 30] {
                    put(memory, GuestPhys(top), half, middle | P, format)?;
                }
            }
        }
        Ok(Some(GuestPhys(top)))
    }

    /// Maps the next of the pages of memory, as many as a table has entries.
    fn fill(&self, memory: &mut impl GuestMemory) -> GuestResult {
        let entries = PAGE_SIZE / self.format.entry_len();
        let (table, first) = (self.first + self.written * PAGE_SIZE, self.written * entries);
        (0..entries).try_for_each(|index| {
            let page = first + index;
            let entry = if page < self.pages { (page * PAGE_SIZE) | FLAGS } else { 0 };
            put(memory, GuestPhys(table), index, entry, self.format)
        })
    }
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
    use crate::cpu::exit::PageFaultCode;
    use crate::scripted::Ram;
    use crate::shadow::walk::Walk;
    use abi::GuestLinear;

    fn build(memory: &mut Ram, kernel_address: u32, format: Format) -> GuestResult<GuestPhys> {
        let mut tables = BootTables::plan(memory, kernel_address, format)?;
        loop {
            if let Some(top) = tables.advance(memory)? {
                return Ok(top);
            }
        }
    }

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
