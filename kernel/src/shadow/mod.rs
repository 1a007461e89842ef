//! Shadow page tables: what the CPU really walks while a Guest runs.
//!
//! A Guest's own tables name Guest-physical frames, so the CPU may not see
//! them. It sees these instead: filled in page by page as the Guest faults,
//! changed when the Guest says it changed its own.
//!
//! ```text
//!   root A       root B      ...  one directory per Guest directory used lately
//!  +--------+   +--------+
//!  | user   |   | user   |        tables of its own
//!  |--------|   |--------|
//!  | kernel |   | kernel |------> the same tables in every root (and in the template)
//!  |--------|   |--------|
//!  |Switcher|   |Switcher|------> this CPU's pages
//!  +--------+   +--------+
//! ```
//!
//! Because the kernel half is shared, a changed kernel mapping is one store
//! however many roots there are, and a new root starts warm. A demand fault
//! also fills in neighbours whose Guest entry was accessed before.
//!
//! Invariants:
//! - Every shadow entry names a frame inside the Guest's own memory: they are
//!   made by [`entry::mirror`] from entries a judge passed, or from a checked
//!   address in linear mode.
//! - A frame of a device is never mapped (`a_device_is_never_mapped`).
//! - Where a Guest can enter virtual-8086 mode, nothing below [`VIRTUAL_8086_END`] is open to
//!   ring 3 (`what_virtual_8086_code_could_run_from_is_closed_to_ring_3`).
//! - Every edit goes through the pool. Nothing else is needed for the TLB: CR3 is
//!   loaded on each entry and no page is global.
//! - The pool never grows; when it is empty, old roots pay
//!   (`a_small_pool_evicts_and_the_guest_goes_on`).
//!
//! Source: lguest ABI, section "Paging".
//!
//! Next on the tour: [`entry`].

pub mod change;
pub mod entry;
mod evict;
pub mod fault;
mod judge;
pub mod look;
pub mod pool;
mod review;
pub mod roots;
mod stack;
pub mod walk;

#[cfg(test)]
mod tests;

use abi::lguest_data::SWITCHER_BASE;
use abi::{GuestLinear, GuestPhys, GuestResult, HostPhys, PAGE_SIZE};

use entry::{A, D, P, U, W};
use judge::Judge;
use pool::{ENTRIES, HALF, Pool, TableId};
use roots::{Root, Roots};
use stack::KernelStack;
use walk::{Format, directory_index, table_index};

pub use fault::PageFault;

/// Directory slot of the Switcher.
const SWITCHER_SLOT: usize = directory_index(GuestLinear(SWITCHER_BASE));
/// Rights live in page tables; a shadow directory entry allows everything.
const OPEN_TABLE: u32 = P | W | U | A | D;
/// Roots kept at most, so that looking one up stays short.
const MAX_ROOTS: usize = 64;

/// The end of what code in virtual-8086 mode can be fetched from: 0xFFFF0 and 64 KiB, in whole pages.
pub const VIRTUAL_8086_END: u32 = 0x11_0000;

/// Tables a pool needs at the least: one instruction may touch this many far-apart places.
pub const MIN_TABLES: usize = 16;

/// All shadow tables of one Guest.
pub struct Shadow {
    pool: Pool,
    judge: Judge,
    roots: Roots,
    /// The kernel half every root shares, as directory entries.
    template: TableId,
    /// First directory slot with a part of the kernel half in it, ...
    first_kernel: usize,
    /// ... and the first with nothing else, which all roots share.
    first_shared: usize,
    kernel_address: u32,
    /// How the Guest writes its tables, ...
    format: Format,
    /// ... unless that is still to be found out from the first of them.
    is_format_known: bool,
    stack: KernelStack,
    /// The stack's pages are known to be writable in the current root.
    is_pinned: bool,
    /// The Switcher's page table for the CPU that runs this Guest.
    switcher_table: HostPhys,
}

/// The two entries the CPU reads for an address, 0 where there is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Peek {
    /// Of the directory.
    pub directory: u32,
    /// Of the page table.
    pub table: u32,
    /// Where they lead.
    pub leads_to: Option<GuestPhys>,
}

impl Shadow {
    /// Shadows made of `pool` for a Guest whose memory begins at `host_base`.
    ///
    /// # Panics
    /// If the pool has fewer than [`MIN_TABLES`]: the Host created it too small.
    pub fn new(mut pool: Pool, host_base: HostPhys) -> Self {
        assert!(pool.len() >= MIN_TABLES, "a shadow pool has at least {MIN_TABLES} tables");
        let template = pool.take().expect("a new pool is all free");
        Self {
            pool,
            judge: Judge {
                host_base,
                device_limit: 0,
                unsound_high: Format::TwoLevel.unsound_high(),
                closed_half: 0,
            },
            roots: Roots::default(),
            template,
            first_kernel: SWITCHER_SLOT,
            first_shared: SWITCHER_SLOT,
            kernel_address: SWITCHER_BASE,
            format: Format::TwoLevel,
            is_format_known: false,
            stack: KernelStack::default(),
            is_pinned: true,
            switcher_table: HostPhys(0),
        }
    }

    /// Back to linear mode, with every table given back.
    pub fn reset(&mut self) {
        self.drop_all();
        self.set_kernel_address(SWITCHER_BASE);
        self.set_format(None);
        self.stack = KernelStack::default();
        self.is_pinned = true;
        self.pool.forget_most();
    }

    /// Lets the Guest's tables name frames between the end of memory and `limit`, where devices
    /// show their registers. That stays so when the Guest starts again.
    pub fn set_device_limit(&mut self, limit: u32) {
        self.judge.device_limit = limit;
    }

    /// Opens no page to ring 3 below [`VIRTUAL_8086_END`], on a CPU on which a Guest can enter that
    /// mode: there it must find nothing to execute. That stays so when the Guest starts again.
    pub fn close_virtual_8086(&mut self) {
        self.judge.closed_half = HALF;
    }

    /// Notes where the kernel half begins, and drops everything.
    pub fn set_kernel_address(&mut self, at: u32) {
        self.drop_all();
        self.kernel_address = at;
        self.first_kernel = directory_index(GuestLinear(at));
        self.first_shared = (at.div_ceil(ENTRIES as u32 * PAGE_SIZE) as usize).min(SWITCHER_SLOT);
    }

    /// Notes how the Guest writes its tables; `None` leaves it to be found out from the first.
    pub fn set_format(&mut self, format: Option<Format>) {
        self.format = format.unwrap_or(Format::TwoLevel);
        self.judge.unsound_high = self.format.unsound_high();
        self.is_format_known = format.is_some();
    }

    /// How the Guest writes its tables, as far as is known.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The directory to load for the Guest on the CPU with this `switcher_table`.
    ///
    /// # Errors
    /// [`abi::KillReason::OutOfFrames`].
    #[inline]
    pub fn root(&mut self, switcher_table: HostPhys) -> GuestResult<HostPhys> {
        if switcher_table != self.switcher_table {
            self.switcher_table = switcher_table;
            for index in 0..self.roots.len() {
                self.roots.get(index).into_iter().for_each(|root| self.install_switcher(root.directory));
            }
        }
        let directory = match self.roots.current_directory() {
            Some(directory) => directory,
            None => self.add_root(None)?.directory,
        };
        Ok(self.pool.address(directory))
    }

    /// The Guest's own directory that is in force; `None` while linear is physical.
    pub fn guest_directory(&self) -> Option<GuestPhys> {
        self.roots.current_guest()
    }

    /// What the CPU's tables say about `at`, as they are: nothing is filled in.
    pub fn peek(&self, at: GuestLinear) -> Peek {
        let directory = self.roots.current_directory().map_or(0, |root| root.get(directory_index(at)));
        let table = self.pool.table_at(directory).map_or(0, |table| table.get(table_index(at)));
        let leads_to = (table & P != 0).then(|| self.guest_phys(table, at));
        Peek { directory, table, leads_to }
    }

    /// Whether the shadow table of this number is free, for tests that look at all.
    pub fn has_free_table(&self, number: usize) -> bool {
        self.pool.is_free(number)
    }

    /// Tables in all, and how many are free.
    pub fn tables(&self) -> (usize, usize) {
        (self.pool.len(), self.pool.free_count())
    }

    /// Most tables that were in use at a time, since the Guest was (re)started.
    pub fn tables_at_most(&self) -> usize {
        self.pool.at_most()
    }

    /// Roots cached.
    pub fn root_count(&self) -> usize {
        self.roots.len()
    }

    /// The current root; in the beginning that of linear mode is made here.
    #[inline]
    fn current(&mut self) -> GuestResult<Root> {
        match self.roots.current() {
            Some(root) => Ok(root),
            None => self.add_root(None),
        }
    }

    fn add_root(&mut self, guest: Option<GuestPhys>) -> GuestResult<Root> {
        if self.roots.len() == MAX_ROOTS {
            self.drop_oldest_root();
        }
        let directory = self.take_table()?;
        let mut from = self.first_shared;
        while let Some(slot) = self.pool.next_used(self.template, from..ENTRIES) {
            let shared = self.template.get(slot);
            self.edit(directory, slot, shared);
            from = slot + 1;
        }
        self.install_switcher(directory);
        self.roots.add(guest, directory);
        self.is_pinned = false;
        Ok(self.roots.current().expect("a root was just added"))
    }

    fn install_switcher(&mut self, directory: TableId) {
        self.edit(directory, SWITCHER_SLOT, self.switcher_table.0 | P | W);
    }

    /// The shadow page table for directory slot `slot` of `root`, made if there is none.
    #[inline]
    fn table_for(&mut self, root: Root, slot: usize) -> GuestResult<TableId> {
        match self.pool.table_at(root.directory.get(slot)) {
            Some(table) => Ok(table),
            None => self.make_table(root, slot),
        }
    }

    #[inline(never)]
    fn make_table(&mut self, root: Root, slot: usize) -> GuestResult<TableId> {
        let table = self.take_table()?;
        let entry = self.pool.address(table).0 | OPEN_TABLE;
        if slot >= self.first_shared {
            self.edit_shared_slot(slot, entry);
        } else {
            self.edit(root.directory, slot, entry);
        }
        Ok(table)
    }

    /// Changes an entry of a directory or table.
    #[inline]
    fn edit(&mut self, table: TableId, index: usize, entry: u32) {
        self.pool.set(table, index, entry);
    }

    fn edit_shared_slot(&mut self, slot: usize, entry: u32) {
        self.edit(self.template, slot, entry);
        for root in self.roots.iter() {
            self.pool.set(root.directory, slot, entry);
        }
    }

    /// The current shadow entry for `at`, 0 if there is none.
    #[inline]
    fn lookup(&self, directory: TableId, at: GuestLinear) -> u32 {
        let entry = directory.get(directory_index(at));
        match self.pool.table_at(entry) {
            Some(table) => table.get(table_index(at)),
            None => 0,
        }
    }

    fn stack_is_shared(&self) -> bool {
        self.stack.len == 0 || directory_index(GuestLinear(self.stack.near)) >= self.first_shared
    }
}
