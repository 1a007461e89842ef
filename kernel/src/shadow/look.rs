//! Looking into a Guest from outside: where its linear addresses lead, and what is there.
//!
//! A person who debugs a Guest thinks in the Guest's addresses. This walks its
//! own tables as the CPU would walk them, but as a visitor: nothing is filled
//! in, no A or D bit is set, no right is asked for, and nobody dies of what is
//! found. A walk is told step by step, so that it can be shown.
//!
//! ```text
//! two levels   Directory -> Table -> page         before the first table: linear is physical
//! PAE          Pointers -> Directory -> Table -> page
//! ```
//!
//! Invariants:
//! - Looking changes nothing (`looking_changes_nothing`).
//! - Where the Host would translate, so does this, and to the same place
//!   (`a_visitor_arrives_where_the_guest_does`).
//! - Whatever the tables say, only Guest memory is touched: [`GuestMemory`] is the only way to it.
//!
//! Source: Intel SDM Vol. 3, "32-Bit Paging", "PAE Paging"; lguest ABI, "Paging".
//!
//! Next on the tour: [`crate::trace::event`].

use abi::lguest_data::SWITCHER_BASE;
use abi::{GuestLinear, GuestMemory, GuestPhys, PAGE_SIZE};
use arrayvec::ArrayVec;

use crate::shadow::Shadow;
use crate::shadow::entry::{GuestEntry, P, is_inside};
use crate::shadow::walk::{Format, check_high};

/// Levels of tables there are at most.
pub const LEVELS: usize = 3;

/// A level of a Guest's tables, the highest first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// The four pointers of PAE.
    Pointers,
    /// A page directory; PAE's middle level.
    Directory,
    /// A page table.
    Table,
}

/// An entry a walk has read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// Of which table.
    pub level: Level,
    /// Where it lies.
    pub place: GuestPhys,
    /// What it says; the high dword is 0 in two-level tables.
    pub entry: u64,
}

/// Why an address leads nowhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoPage {
    /// It is the Switcher's.
    Switcher,
    /// The entry of this level is not present.
    Absent(Level),
    /// The entry of this level is one the Host would kill for, or names a device.
    Unsound(Level),
    /// A table lies outside memory, or the address itself does where linear is physical.
    Outside,
}

/// A walk: the entries read, and where they lead.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Path {
    /// The entries, highest level first.
    pub steps: ArrayVec<Step, LEVELS>,
    /// The byte's place in the Guest's memory.
    pub end: Result<GuestPhys, NoPage>,
}

/// What a Guest's linear addresses mean at the moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Space {
    /// How its tables are written.
    pub format: Format,
    /// The highest of them; `None` while linear is physical.
    pub top: Option<GuestPhys>,
}

impl Shadow {
    /// What the Guest's linear addresses mean at the moment.
    pub fn space(&self) -> Space {
        Space { format: self.format(), top: self.guest_directory() }
    }
}

impl Space {
    /// Follows `at` from table to table.
    pub fn walk(self, memory: &(impl GuestMemory + ?Sized), at: GuestLinear) -> Path {
        let mut steps = ArrayVec::new();
        let end = self.follow(memory, at, &mut steps);
        Path { steps, end }
    }

    /// Where the byte at `at` is.
    ///
    /// # Errors
    /// The reason if it is nowhere.
    pub fn translate(
        self,
        memory: &(impl GuestMemory + ?Sized),
        at: GuestLinear,
    ) -> Result<GuestPhys, NoPage> {
        self.walk(memory, at).end
    }

    /// Copies bytes from `at`, from page to page; returns how many there were in front of the first
    /// that is nowhere. Addresses do not wrap.
    pub fn read(self, memory: &(impl GuestMemory + ?Sized), at: GuestLinear, into: &mut [u8]) -> usize {
        let len = into.len();
        self.by_pages(memory, at, len, |memory, place, part| memory.read_into(place, &mut into[part]).is_ok())
    }

    /// Copies bytes to `at` as [`Space::read`] does from there. What the Guest may not write can
    /// be written so: rights bind the Guest, not who looks at it.
    pub fn write(self, memory: &mut (impl GuestMemory + ?Sized), at: GuestLinear, from: &[u8]) -> usize {
        self.by_pages(memory, at, from.len(), |memory, place, part| {
            memory.write_from(place, &from[part]).is_ok()
        })
    }

    /// Cuts `len` bytes at `at` into parts of pages and gives each to `work`, with where it lies and
    /// which bytes it is; stops at the first that is nowhere or that `work` fails with.
    fn by_pages<B: core::ops::Deref<Target: GuestMemory>>(
        self,
        memory: B,
        at: GuestLinear,
        len: usize,
        mut work: impl FnMut(&mut B, GuestPhys, core::ops::Range<usize>) -> bool,
    ) -> usize {
        let mut memory = memory;
        let mut done = 0;
        while done < len {
            let Some(next) = at.checked_add(done as u32) else { break };
            let Ok(place) = self.translate(&*memory, next) else { break };
            let part = done..len.min(done + (PAGE_SIZE - next.page_offset()) as usize);
            let end = part.end;
            if !work(&mut memory, place, part) {
                break;
            }
            done = end;
        }
        done
    }

    fn follow(
        self,
        memory: &(impl GuestMemory + ?Sized),
        at: GuestLinear,
        steps: &mut ArrayVec<Step, LEVELS>,
    ) -> Result<GuestPhys, NoPage> {
        if at.0 >= SWITCHER_BASE {
            return Err(NoPage::Switcher);
        }
        let Some(top) = self.top else {
            let place = GuestPhys(at.0);
            return is_inside(place, memory.limit()).then_some(place).ok_or(NoPage::Outside);
        };
        let mut table = top;
        for &level in self.levels() {
            let step = self.read_entry(memory, level, table, at).ok_or(NoPage::Outside)?;
            steps.push(step);
            table = judge(step, at, memory.limit())?;
        }
        Ok(GuestPhys(table.0 | at.page_offset()))
    }

    fn levels(self) -> &'static [Level] {
        match self.format {
            Format::TwoLevel => &[Level::Directory, Level::Table],
            Format::Pae => &[Level::Pointers, Level::Directory, Level::Table],
        }
    }

    /// The entry for `at` in `table`, if that is in memory.
    fn read_entry(
        self,
        memory: &(impl GuestMemory + ?Sized),
        level: Level,
        table: GuestPhys,
        at: GuestLinear,
    ) -> Option<Step> {
        let index = match (self.format, level) {
            (_, Level::Pointers) => at.0 >> 30,
            (Format::TwoLevel, Level::Directory) => at.0 >> 22,
            (Format::Pae, Level::Directory) => at.0 >> 21 & 0x1FF,
            (Format::TwoLevel, Level::Table) => at.0 >> 12 & 0x3FF,
            (Format::Pae, Level::Table) => at.0 >> 12 & 0x1FF,
        };
        let place = table.checked_add(index * self.format.entry_len())?;
        let mut entry = [0; 8];
        memory.read_into(place, &mut entry[..self.format.entry_len() as usize]).ok()?;
        Some(Step { level, place, entry: u64::from_le_bytes(entry) })
    }
}

/// Where an entry leads: to the next table or to the page.
fn judge(step: Step, at: GuestLinear, limit: u32) -> Result<GuestPhys, NoPage> {
    let (entry, level) = (GuestEntry(step.entry as u32), step.level);
    if !entry.is_present() {
        return Err(NoPage::Absent(level));
    }
    let high = (step.entry >> 32) as u32;
    let leads_to = check_high(entry, high, at).and_then(|()| match level {
        Level::Table => entry.page(at, limit),
        Level::Pointers | Level::Directory => entry.table(at, limit),
    });
    let has_flags = entry.0 & (PAGE_SIZE - 1) != P;
    match leads_to {
        Ok(place) if level != Level::Pointers || !has_flags => Ok(place),
        Ok(_) | Err(_) => Err(NoPage::Unsound(level)),
    }
}

#[cfg(test)]
#[path = "look_tests.rs"]
mod tests;
