//! Which pages a Guest had, by its own tables.
//!
//! Addresses are gone through from below; where a table is missing, all it
//! would have translated is skipped. Neighbours become a run: pages with
//! content, then pages of zeroes. A few zeroes between contents are content.
//!
//! ```text
//!    linear   ....CCCCzCC zzzzzzzz......CC....
//!    runs         '-content 7, zeroes 8  '-content 2
//! ```
//!
//! A Guest may have mapped one page a million times. Nobody wants to read that:
//! there are at most [`RUNS`], and at most twice the content that it has memory.
//!
//! Next on the tour: [`super::head`].

use alloc::vec::Vec;

use abi::{GuestLinear, GuestMemory, PAGE_SIZE};

use crate::shadow::look::{Level, NoPage, Space};
use crate::shadow::walk::Format;

/// Most runs there are.
pub const RUNS: usize = 1024;
/// As many pages of zeroes between two contents are sent along: fewer runs are worth it.
const GAP: u32 = 4;

/// Pages beside each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Run {
    /// The linear address of the first.
    pub at: u32,
    /// How many there are whose content is kept, ...
    pub content: u32,
    /// ... and how many behind them that are zeroes.
    pub zeroes: u32,
}

/// A survey under way.
pub struct Survey {
    runs: Vec<Run>,
    /// The next address; `None` when all have been seen.
    next: Option<u32>,
    /// Pages with content that may still be kept.
    budget: u32,
    left_out: u32,
}

/// Bytes of content in `runs`.
pub fn content(runs: &[Run]) -> u64 {
    runs.iter().map(|run| u64::from(run.content) * u64::from(PAGE_SIZE)).sum()
}

impl Run {
    /// One past the last address, as far as there is one.
    fn end(&self) -> u64 {
        u64::from(self.at) + u64::from(self.content + self.zeroes) * u64::from(PAGE_SIZE)
    }
}

impl Survey {
    /// The survey of a Guest with so many bytes of memory.
    pub fn new(memory: u32) -> Self {
        Self { runs: Vec::new(), next: Some(0), budget: 2 * (memory / PAGE_SIZE), left_out: 0 }
    }

    /// Looks at up to `most` pages; false when all have been seen.
    pub fn turn(&mut self, space: Space, memory: &impl GuestMemory, most: usize) -> bool {
        for _ in 0..most {
            let Some(at) = self.next else { return false };
            let skip = match space.walk(memory, GuestLinear(at)).end {
                Ok(_) => {
                    // Without a budget all of them are left out.
                    self.note(at, self.budget == 0 || has_content(space, memory, at));
                    PAGE_SIZE
                }
                Err(NoPage::Absent(level) | NoPage::Unsound(level)) => span(space.format, level),
                Err(NoPage::Outside) if space.top.is_some() => PAGE_SIZE,
                Err(NoPage::Switcher | NoPage::Outside) => {
                    self.next = None;
                    return false;
                }
            };
            self.next = (at & !(skip - 1)).checked_add(skip);
        }
        true
    }

    /// What was found: the runs, and how many pages there is no room for.
    pub fn take(&mut self) -> (Vec<Run>, u32) {
        (core::mem::take(&mut self.runs), self.left_out)
    }

    fn note(&mut self, at: u32, has_content: bool) {
        if has_content && self.budget == 0 {
            self.left_out += 1;
            return;
        }
        self.budget -= u32::from(has_content);
        let has_room = self.runs.len() < RUNS;
        let last = self.runs.last_mut().filter(|run| run.end() == u64::from(at));
        match last {
            Some(run) if !has_content => run.zeroes += 1,
            Some(run) if run.zeroes <= GAP => {
                run.content += run.zeroes + 1;
                run.zeroes = 0;
            }
            _ if has_room => {
                self.runs.push(Run { at, content: has_content.into(), zeroes: (!has_content).into() });
            }
            Some(_) | None => self.left_out += 1,
        }
    }
}

fn has_content(space: Space, memory: &impl GuestMemory, at: u32) -> bool {
    let mut page = [0; PAGE_SIZE as usize];
    space.read(memory, GuestLinear(at), &mut page);
    page.iter().any(|&byte| byte != 0)
}

/// What an entry of a level translates.
const fn span(format: Format, level: Level) -> u32 {
    match (format, level) {
        (_, Level::Pointers) => 1 << 30,
        (Format::TwoLevel, Level::Directory) => 1 << 22,
        (Format::Pae, Level::Directory) => 1 << 21,
        (_, Level::Table) => PAGE_SIZE,
    }
}
