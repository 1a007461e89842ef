//! Reading a Guest's own page tables, and keeping its A and D bits.
//!
//! ```text
//!  linear address   | directory 31..22 | table 21..12 | offset 11..0 |
//!                            |                 |
//!  top: GuestPhys --> directory entry --> table entry --> page
//! ```
//!
//! The tables are the Guest's memory: nothing read here is trusted before one
//! of the two judges of [`super::entry`] passed it.
//!
//! Source: Intel SDM Vol. 3, "32-Bit Paging", "Accessed and Dirty Flags".
//!
//! Next on the tour: [`super`].

use abi::{GuestLinear, GuestMemory, GuestPhys, GuestResult, KillReason};

use super::entry::{A, D, GuestEntry, U, W};
use crate::exit::PageFaultCode;

/// Index of a linear address in a directory.
#[inline]
pub const fn directory_index(at: GuestLinear) -> usize {
    (at.0 >> 22) as usize
}

/// Index of a linear address in its page table.
#[inline]
pub const fn table_index(at: GuestLinear) -> usize {
    (at.0 >> 12 & 0x3FF) as usize
}

/// Where an entry lies, given where its table does.
#[inline]
pub const fn entry_at(table: GuestPhys, index: usize) -> GuestPhys {
    GuestPhys(table.0.wrapping_add(4 * index as u32))
}

/// A Guest's page table for an address, and what the level above allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GuestTable {
    /// The table.
    pub at: GuestPhys,
    /// W and U of the directory entry.
    pub rights: u32,
}

/// What a walk found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Walk {
    /// A translation that allows the access. A and D are set in the Guest's tables by now.
    Page {
        /// The sound entry.
        entry: GuestEntry,
        /// The table it stands in.
        table: GuestTable,
    },
    /// The Guest has a fault coming: whether its tables have a translation at all.
    Fault {
        /// There is one, and it forbids the access.
        present: bool,
    },
}

/// Finds the page table for `at` below the directory `top`, if there is one.
///
/// # Errors
/// A directory entry the Host will not follow kills.
#[inline]
pub fn find_table(
    memory: &mut impl GuestMemory,
    top: GuestPhys,
    at: GuestLinear,
) -> GuestResult<Option<GuestTable>> {
    let place = entry_at(top, directory_index(at));
    let entry = GuestEntry(memory.read_u32(place)?);
    if !entry.is_present() {
        return Ok(None);
    }
    let table = entry.table(at, memory.limit())?;
    mark(memory, place, entry, A)?;
    Ok(Some(GuestTable { at: table, rights: entry.0 & (W | U) }))
}

/// Translates `at` for an access of kind `code`, as the CPU would on the Guest's own tables.
///
/// # Errors
/// An entry the Host will not follow kills.
#[inline]
pub fn walk(
    memory: &mut impl GuestMemory,
    top: GuestPhys,
    at: GuestLinear,
    code: PageFaultCode,
) -> GuestResult<Walk> {
    let Some(table) = find_table(memory, top, at)? else {
        return Ok(Walk::Fault { present: false });
    };
    let place = entry_at(table.at, table_index(at));
    let entry = GuestEntry(memory.read_u32(place)?);
    if !entry.is_present() {
        return Ok(Walk::Fault { present: false });
    }
    // The code's W and U are the very bits an entry needs, and ring 1 respects W (CR0.WP).
    const { assert!(PageFaultCode::WRITE == W && PageFaultCode::USER == U) }
    let needed = code.0 & (W | U);
    if entry.0 & table.rights & needed != needed {
        return Ok(Walk::Fault { present: true });
    }
    entry.page(at, memory.limit())?;
    let entry = mark(memory, place, entry, if code.is_write() { A | D } else { A })?;
    Ok(Walk::Page { entry, table })
}

/// Sets bits in a Guest's entry, with a store only if one was missing.
#[inline]
fn mark(
    memory: &mut impl GuestMemory,
    place: GuestPhys,
    entry: GuestEntry,
    bits: u32,
) -> Result<GuestEntry, KillReason> {
    let marked = GuestEntry(entry.0 | bits);
    if marked != entry {
        memory.write_u32(place, marked.0)?;
    }
    Ok(marked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::Ram;
    use crate::shadow::entry::P;
    use abi::kill::PageTableError;

    const TOP: GuestPhys = GuestPhys(0x1000);
    const TABLE: GuestPhys = GuestPhys(0x2000);
    const AT: GuestLinear = GuestLinear(0x0040_3123);
    const READ: PageFaultCode = PageFaultCode(0);
    const WRITE: PageFaultCode = PageFaultCode(2);
    const USER_READ: PageFaultCode = PageFaultCode(4);

    fn tables(directory_flags: u32, entry: u32) -> Ram {
        let mut ram = Ram::new(0x8000);
        ram.write_u32(entry_at(TOP, 1), TABLE.0 | directory_flags).unwrap();
        ram.write_u32(entry_at(TABLE, 3), entry).unwrap();
        ram
    }

    fn entry_of(ram: &Ram) -> u32 {
        ram.read_u32(entry_at(TABLE, 3)).unwrap()
    }

    #[test]
    fn a_read_sets_a_and_only_a_write_sets_d() {
        let mut ram = tables(P | W, 0x3000 | P | W);
        assert!(matches!(walk(&mut ram, TOP, AT, READ), Ok(Walk::Page { .. })));
        assert_eq!(entry_of(&ram), 0x3000 | P | W | A);
        assert!(matches!(walk(&mut ram, TOP, AT, WRITE), Ok(Walk::Page { .. })));
        assert_eq!(entry_of(&ram), 0x3000 | P | W | A | D);
    }

    #[test]
    fn rights_are_those_of_both_levels() {
        let denied = Ok(Walk::Fault { present: true });
        assert_eq!(walk(&mut tables(P, 0x3000 | P | W), TOP, AT, WRITE), denied);
        assert_eq!(walk(&mut tables(P | W, 0x3000 | P), TOP, AT, WRITE), denied);
        assert_eq!(walk(&mut tables(P | U, 0x3000 | P), TOP, AT, USER_READ), denied);
        assert_eq!(walk(&mut tables(P, 0x3000 | P | U), TOP, AT, USER_READ), denied);
    }

    #[test]
    fn a_denied_access_leaves_the_entry_alone() {
        let mut ram = tables(P | W, 0x3000 | P);
        let _denied = walk(&mut ram, TOP, AT, WRITE);
        assert_eq!(entry_of(&ram), 0x3000 | P);
    }

    #[test]
    fn what_is_not_there_is_the_guests_own_fault() {
        let absent = Ok(Walk::Fault { present: false });
        assert_eq!(walk(&mut tables(0, 0x3000 | P), TOP, AT, READ), absent);
        assert_eq!(walk(&mut tables(P, 0x3000), TOP, AT, READ), absent);
    }

    #[test]
    fn a_table_beyond_memory_kills() {
        let mut ram = tables(P, 0);
        ram.write_u32(entry_at(TOP, 1), 0x9000 | P).unwrap();
        let killed = Err(PageTableError::Directory { at: AT, entry: 0x9001 }.into());
        assert_eq!(walk(&mut ram, TOP, AT, READ), killed);
    }
}
