//! The CPU's side of the shadows: the tables as bytes at Host-physical addresses.
//!
//! ```text
//!  0x0080_0000  the Guest's memory        what a page-table entry may name
//!  0x0400_0000  the pool                  what a directory entry may name
//!  0x0000_7000  the Switcher's table      what only slot 1023 may name
//! ```
//!
//! [`walk`] translates as a CPU with CR0.WP does. [`audit`] looks at *every*
//! table, whoever it belongs to, and needs no help from the code under test:
//! which kind a table is shows in what it names.
//!
//! Source: Intel SDM Vol. 3, "32-Bit Paging", "Determination of Access Rights".
//!
//! Next on the tour: [`crate::op`].

use std::cell::RefCell;
use std::collections::BTreeMap;

use abi::{GuestLinear, GuestPhys, HostPhys, PAGE_SIZE};
use kernel::cpu::exit::PageFaultCode;
use kernel::shadow::Shadow;
use kernel::shadow::entry::{A, AGE, D, P, U, W};
use kernel::shadow::pool::{ENTRIES, Pool, Table};
use proptest::prop_assert;
use proptest::test_runner::TestCaseError;

/// Where the Guest's memory begins.
pub const GUEST_BASE: HostPhys = HostPhys(0x0080_0000);
/// Where the pool begins.
const POOL_BASE: HostPhys = HostPhys(0x0400_0000);
/// The Switcher's page tables of two CPUs.
pub const SWITCHER_TABLES: [HostPhys; 2] = [HostPhys(0x7000), HostPhys(0x9000)];
/// Directory slot of the Switcher.
const SWITCHER_SLOT: usize = 1023;

/// All an entry may have besides an address: no large page, nothing global, nothing reserved.
const FLAGS: u32 = P | W | U | A | D | AGE | 1 << 3 | 1 << 4;

thread_local! {
    /// Tables of cases that ended well, to be used again.
    static SPARE: RefCell<Vec<&'static [Table]>> = const { RefCell::new(Vec::new()) };
}

/// The frames of one pool.
#[derive(Clone, Copy)]
pub struct Hardware(&'static [Table]);

/// What an access wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Access {
    /// It is a write.
    pub write: bool,
    /// It comes from ring 3.
    pub user: bool,
}

impl Access {
    /// The error code of its page fault.
    pub fn code(self, present: bool) -> PageFaultCode {
        PageFaultCode(u32::from(present) | u32::from(self.write) << 1 | u32::from(self.user) << 2)
    }

    /// Whether flags that both levels have allow it.
    pub fn is_allowed(self, rights: u32) -> bool {
        (!self.write || rights & W != 0) && (!self.user || rights & U != 0)
    }
}

impl Hardware {
    /// `count` empty tables.
    pub fn new(count: usize) -> Self {
        let spare = SPARE.with_borrow_mut(|spare| {
            let found = spare.iter().position(|tables| tables.len() == count)?;
            Some(spare.swap_remove(found))
        });
        let fresh = || Box::leak((0..count).map(|_| Table::empty()).collect::<Box<[Table]>>()) as &_;
        Self(spare.unwrap_or_else(fresh))
    }

    /// The pool made of them.
    pub fn pool(self) -> Pool {
        Pool::new(self.0, POOL_BASE)
    }

    /// Empties the tables and makes them available to another case. A pool empties a table when it is
    /// taken again, not when it is given back.
    pub fn give_back(self) {
        let mut pool = self.pool();
        while let Some(table) = pool.take() {
            (0..ENTRIES).filter(|&index| table.get(index) != 0).for_each(|index| pool.set(table, index, 0));
        }
        SPARE.with_borrow_mut(|spare| spare.push(self.0));
    }

    /// The number of the table at `address`, if there is one.
    fn number(self, address: u32) -> Option<usize> {
        let number = (address.wrapping_sub(POOL_BASE.0) / PAGE_SIZE) as usize;
        (number < self.0.len()).then_some(number)
    }

    /// Whether one of the tables lies exactly here.
    pub fn has_table(self, at: HostPhys) -> bool {
        at.page_offset() == 0 && self.number(at.0).is_some()
    }

    fn entry(self, table: u32, index: usize) -> u32 {
        self.number(table).map_or(0, |number| self.0[number].get(index))
    }

    /// Translates as a CPU does; the error is its page fault. Nothing is mapped by the Switcher.
    pub fn walk(self, root: HostPhys, at: GuestLinear, access: Access) -> Result<GuestPhys, PageFaultCode> {
        let directory = self.entry(root.0, (at.0 >> 22) as usize);
        let entry = self.entry(directory & !0xFFF, (at.0 >> 12 & 0x3FF) as usize);
        if directory & entry & P == 0 {
            return Err(access.code(false));
        }
        if !access.is_allowed(directory & entry) {
            return Err(access.code(true));
        }
        Ok(GuestPhys((entry & !0xFFF).wrapping_sub(GUEST_BASE.0) | at.page_offset()))
    }

    /// Every translation below `root`, with the rights it gives.
    pub fn translations(self, root: HostPhys) -> impl Iterator<Item = (GuestLinear, GuestPhys, u32)> {
        (0..SWITCHER_SLOT as u32).flat_map(move |slot| {
            let directory = self.entry(root.0, slot as usize);
            let indices = if directory & P == 0 { 0..0 } else { 0..ENTRIES as u32 };
            indices.filter_map(move |index| {
                let entry = self.entry(directory & !0xFFF, index as usize);
                let page = GuestPhys((entry & !0xFFF).wrapping_sub(GUEST_BASE.0));
                (entry & P != 0).then_some((
                    GuestLinear(slot << 22 | index << 12),
                    page,
                    directory & entry & (W | U),
                ))
            })
        })
    }
}

/// What one table turned out to be.
#[derive(Default)]
struct Census {
    links: Vec<(usize, usize)>,
    pages: usize,
    has_switcher: bool,
}

impl Hardware {
    /// Judges each entry of a table on its own: it names what it may name.
    fn census(self, table: usize, limit: u32) -> Result<Census, TestCaseError> {
        let mut census = Census::default();
        for index in 0..ENTRIES {
            let entry = self.0[table].get(index);
            if entry == 0 {
                continue;
            }
            let address = entry & !0xFFF;
            prop_assert!(entry & P != 0, "entry {index} is {entry:#x}: not present, and not zero");
            prop_assert!(entry & 0xFFF & !FLAGS == 0, "entry {index} is {entry:#x}: bad flags");
            if let Some(number) = self.number(address) {
                census.links.push((index, number));
            } else if SWITCHER_TABLES.contains(&HostPhys(address)) {
                prop_assert!(index == SWITCHER_SLOT, "the Switcher is mapped in slot {index}");
                prop_assert!(entry & 0xFFF == P | W, "the Switcher is mapped with {entry:#x}");
                census.has_switcher = true;
            } else {
                let offset = address.wrapping_sub(GUEST_BASE.0);
                let is_inside = offset < limit && limit - offset >= PAGE_SIZE;
                prop_assert!(is_inside, "entry {index} is {entry:#x}: not the Guest's memory");
                census.pages += 1;
            }
        }
        Ok(census)
    }

    /// Judges all tables: each entry is sound, tables form trees that share only what lies at
    /// `first_shared` or above, and every table that is taken can be reached.
    pub fn audit(self, shadow: &Shadow, limit: u32, first_shared: usize) -> Result<(), TestCaseError> {
        let mut slot_of = BTreeMap::new();
        let (mut roots, mut templates) = (0, 0);
        let mut kinds = Vec::with_capacity(self.0.len());
        for table in 0..self.0.len() {
            if shadow.has_free_table(table) {
                kinds.push(false);
                continue;
            }
            let census = self.census(table, limit)?;
            let is_directory = census.has_switcher || !census.links.is_empty();
            prop_assert!(!is_directory || census.pages == 0, "a table is a directory and a page table");
            roots += usize::from(census.has_switcher);
            templates += usize::from(is_directory && !census.has_switcher);
            for &(slot, linked) in &census.links {
                let before = slot_of.insert(linked, slot);
                let is_shared = before == Some(slot) && slot >= first_shared;
                prop_assert!(
                    before.is_none() || is_shared,
                    "table {linked} is in slots {before:?} and {slot}"
                );
            }
            kinds.push(is_directory);
        }
        prop_assert!(slot_of.keys().all(|&linked| !kinds[linked]), "a directory is used as a page table");
        prop_assert!(templates <= 1, "{templates} directories without a Switcher");
        prop_assert!(roots == shadow.root_count(), "{roots} roots, not {}", shadow.root_count());
        let (all, free) = shadow.tables();
        let reachable = 1 + roots + slot_of.len();
        prop_assert!(all - free == reachable, "{} tables taken, {reachable} reachable", all - free);
        Ok(())
    }
}
