//! Page faults: filling shadows in, on demand and a little ahead.
//!
//! A page fault of a running Guest is either the shadow's (nothing is filled
//! in yet, or a clean page is written for the first time) or the Guest's own.
//! [`Shadow::demand_page`] finds out, and repairs the first kind.
//!
//! Source: lguest ABI, "Demand fault, in order".
//!
//! Next on the tour: [`super::change`].

use abi::kill::PageTableError;
use abi::lguest_data::SWITCHER_BASE;
use abi::{GuestLinear, GuestMemory, GuestPhys, GuestResult, PAGE_SIZE};

use super::entry::{A, D, GuestEntry, P, U, W, is_inside, mirror, unused};
use super::pool::{HALF, TableId};
use super::walk::{Format, GuestTable, Walk, check_high, directory_index, table_index};
use super::{Shadow, VIRTUAL_8086_END};
use crate::cpu::exit::PageFaultCode;

/// Entries looked at around a fault: two-level, those that share a cache line.
const AROUND: usize = 16;

/// Pages a kernel stack has at most.
pub const MAX_STACK_PAGES: u32 = 2;

/// Whose fault it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PageFault {
    /// The shadow's; it is repaired.
    Fixed,
    /// Nobody's: the Guest may touch what is there, and that is a device's register.
    Device(GuestPhys),
    /// The Guest's; this is the error code it should see.
    Reflect(PageFaultCode),
    /// The Host's: the Guest lets its ring 3 touch what is there, and on this CPU no Guest may
    /// ([`Shadow::close_virtual_8086`]).
    Closed,
}

impl Shadow {
    /// Handles a page fault at `at`.
    ///
    /// # Errors
    /// Guest tables the Host will not follow, memory that is not there in linear mode, and an
    /// exhausted pool kill.
    #[inline]
    pub fn demand_page(
        &mut self,
        memory: &mut impl GuestMemory,
        at: GuestLinear,
        code: PageFaultCode,
    ) -> GuestResult<PageFault> {
        if at.0 >= SWITCHER_BASE {
            return Ok(PageFault::Reflect(code));
        }
        let Some(top) = self.roots.current_guest() else {
            return self.demand_linear(memory.limit(), at, code);
        };
        match self.format.walk(memory, top, at, code, self.judge.device_limit)? {
            Walk::Device(place) => Ok(PageFault::Device(place)),
            Walk::Fault { present } => Ok(PageFault::Reflect(code.seen_by_guest(present))),
            Walk::Page { entry, table } if at.0 < self.judge.closed_half => {
                self.demand_low(at, code, entry, table)
            }
            Walk::Page { entry, table: guest_table } => {
                let root = self.current()?;
                let table = self.table_for(root, directory_index(at))?;
                let shadow = mirror(entry, guest_table.rights, self.judge.host_base);
                self.edit(table, table_index(at), shadow);
                self.pool.note_rights(table, table_index(at), guest_table.rights);
                self.fill_around(memory, table, guest_table, at)?;
                Ok(PageFault::Fixed)
            }
        }
    }

    /// The same in the half of a table in which pages are closed to ring 3. No neighbour comes along, and the
    /// half counts as closed: what is changed above the border opens at its next fault.
    #[cold]
    #[inline(never)]
    fn demand_low(
        &mut self,
        at: GuestLinear,
        code: PageFaultCode,
        entry: GuestEntry,
        guest: GuestTable,
    ) -> GuestResult<PageFault> {
        let rights = self.judge.rights_at(at, guest.rights);
        if code.is_user() && rights & U == 0 {
            return Ok(PageFault::Closed);
        }
        let root = self.current()?;
        let table = self.table_for(root, directory_index(at))?;
        self.edit(table, table_index(at), mirror(entry, rights, self.judge.host_base));
        self.pool.note_rights(table, table_index(at), guest.rights & !U);
        Ok(PageFault::Fixed)
    }

    /// Before the first page table: linear is physical, for ring 1.
    fn demand_linear(&mut self, limit: u32, at: GuestLinear, code: PageFaultCode) -> GuestResult<PageFault> {
        if code.is_user() {
            return Ok(PageFault::Reflect(code));
        }
        let page = GuestPhys(at.0).page_base();
        if !is_inside(page, limit) {
            return Err(PageTableError::Linear { at }.into());
        }
        let root = self.current()?;
        let table = self.table_for(root, directory_index(at))?;
        let shadow = mirror(GuestEntry(page.0 | P | W | A | D), W, self.judge.host_base);
        self.edit(table, table_index(at), shadow);
        Ok(PageFault::Fixed)
    }

    /// Fills in the neighbours whose A the Guest's own entry already has, so that this tells the
    /// Guest nothing it did not know. What looks wrong is left for its own fault.
    #[inline]
    fn fill_around(
        &mut self,
        memory: &impl GuestMemory,
        table: TableId,
        guest: GuestTable,
        at: GuestLinear,
    ) -> GuestResult {
        match self.format {
            Format::TwoLevel => self.fill_line::<4>(memory, table, guest, at),
            Format::Pae => self.fill_line::<8>(memory, table, guest, at),
        }
    }

    /// [`Shadow::fill_around`] for entries of `LEN` bytes.
    #[inline]
    fn fill_line<const LEN: usize>(
        &mut self,
        memory: &impl GuestMemory,
        table: TableId,
        guest: GuestTable,
        at: GuestLinear,
    ) -> GuestResult {
        let first = GuestLinear(at.0 & !(AROUND as u32 * PAGE_SIZE - 1));
        let mut line = [[0; LEN]; AROUND];
        memory.read_into(self.format.entry_at(guest.at, first), line.as_flattened_mut())?;
        for (number, bytes) in line.iter().enumerate() {
            let entry = GuestEntry(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
            let neighbour = table_index(first) + number;
            if !entry.is_used_page(memory.limit()) || table.get(neighbour) != 0 {
                continue;
            }
            let high = if LEN == 8 {
                bytes[4..].iter().rfold(0, |high, &byte| high << 8 | u32::from(byte))
            } else {
                0
            };
            if check_high(entry, high, at).is_ok() {
                self.edit(table, neighbour, unused(mirror(entry, guest.rights, self.judge.host_base)));
            }
        }
        Ok(())
    }

    /// Where a ring-1 write to `at` goes, if the Guest's tables let it write there.
    ///
    /// # Errors
    /// As [`Shadow::demand_page`].
    #[inline]
    pub fn writable(
        &mut self,
        memory: &mut impl GuestMemory,
        at: GuestLinear,
    ) -> GuestResult<Option<GuestPhys>> {
        // Nearly always the page is there: the kernel stack is pinned.
        if let Some(directory) = self.roots.current_directory() {
            let entry = self.lookup(directory, at);
            if entry & (P | W) == P | W {
                return Ok(Some(self.guest_phys(entry, at)));
            }
        }
        self.translate(memory, at, PageFaultCode(PageFaultCode::WRITE))
    }

    /// Where a read of `at` `by` ring 1 or 3 comes from, if the Guest's tables let it read there.
    ///
    /// # Errors
    /// As [`Shadow::demand_page`].
    pub fn readable(
        &mut self,
        memory: &mut impl GuestMemory,
        at: GuestLinear,
        by: PageFaultCode,
    ) -> GuestResult<Option<GuestPhys>> {
        self.translate(memory, at, by)
    }

    fn translate(
        &mut self,
        memory: &mut impl GuestMemory,
        at: GuestLinear,
        code: PageFaultCode,
    ) -> GuestResult<Option<GuestPhys>> {
        let needed = P | code.0 & (W | U);
        let directory = self.current()?.directory;
        let mut entry = self.lookup(directory, at);
        if entry & needed != needed {
            match self.demand_page(memory, at, code)? {
                PageFault::Fixed => entry = self.lookup(directory, at),
                PageFault::Device(_) | PageFault::Reflect(_) | PageFault::Closed => return Ok(None),
            }
        }
        Ok(Some(self.guest_phys(entry, at)))
    }

    /// Where `at` leads by a present shadow entry.
    #[inline]
    pub(super) fn guest_phys(&self, entry: u32, at: GuestLinear) -> GuestPhys {
        let page = (entry & !(PAGE_SIZE - 1)).wrapping_sub(self.judge.host_base.0);
        GuestPhys(page | at.page_offset())
    }

    /// Makes sure that the kernel stack can be pushed on, before the Guest runs.
    ///
    /// # Errors
    /// [`PageTableError::Stack`] if the Guest's own tables do not allow it.
    #[inline]
    pub fn pin_stack(&mut self, memory: &mut impl GuestMemory) -> GuestResult {
        if self.is_pinned { Ok(()) } else { self.pin(memory) }
    }

    /// Whether it can be pushed on as it is, without a look at the Guest's tables.
    #[inline]
    fn stack_is_writable(&self) -> bool {
        let pages =
            (0..self.stack.len / PAGE_SIZE).map(|page| self.stack.last.wrapping_sub(page * PAGE_SIZE));
        let directory = self.roots.current_directory();
        directory.is_some_and(|directory| {
            pages.into_iter().all(|at| self.lookup(directory, GuestLinear(at)) & (P | W) == P | W)
        })
    }

    #[cold]
    fn pin(&mut self, memory: &mut impl GuestMemory) -> GuestResult {
        self.is_pinned = self.stack_is_writable();
        // In a nearly full pool, pinning one page may cost another one its table.
        for _ in 0..=MAX_STACK_PAGES {
            if self.is_pinned {
                break;
            }
            self.pin_once(memory)?;
        }
        Ok(())
    }

    fn pin_once(&mut self, memory: &mut impl GuestMemory) -> GuestResult {
        self.is_pinned = true;
        for below in (0..self.stack.len).step_by(PAGE_SIZE as usize) {
            let at = GuestLinear(self.stack.last.wrapping_sub(below));
            if self.writable(memory, at)?.is_none() {
                return Err(PageTableError::Stack { at: at.page_base() }.into());
            }
        }
        Ok(())
    }
}

const _: () = assert!(VIRTUAL_8086_END <= HALF);
const _: () = assert!(U == PageFaultCode::USER && W == PageFaultCode::WRITE);
