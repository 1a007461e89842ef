//! Physical memory, lent out in contiguous runs.
//!
//! The pool is a sorted list of free extents. That is enough: the Host lends
//! few and large things (a Guest's RAM, a Guest's pool of shadow tables, its
//! own heap), so the list stays short, and it costs no memory per frame.
//!
//! ```text
//! extents   [ 1.4..4M )        [ 4M..12M )     free
//! runs                [Guest a)          [b)   lent, owned by whoever holds the FrameRun
//! ```
//!
//! A run is taken from the smallest extent it fits into, so small things leave
//! the large aligned stretches alone. What the Host takes for itself never comes
//! back and is cut off an extent's front, so it bounds nothing and is not counted.
//!
//! Invariants:
//! - Extents are sorted, disjoint and never touch (`neighbours_merge_again`).
//! - A run can always be given back: two free extents are kept apart by a run
//!   that is out or by a hole that was there at boot, so bounding those bounds
//!   the list (`the_pool_never_has_more_extents_than_it_has_room_for`).
//! - What the Host keeps is no run that is out and makes no extent more
//!   (`what_is_kept_is_no_run_that_is_out`).
//! - A frame is free or lent, never both: giving back what is free panics
//!   (`giving_back_a_free_frame_is_the_hosts_bug`).
//!
//! Next on the tour: [`super::pit`].

use abi::{HostPhys, PAGE_SIZE};
use arrayvec::ArrayVec;

use super::boot_info::{BootError, MAX_MODULES, Region};

/// Extents there is room for.
const MAX_EXTENTS: usize = 512;
/// Runs that may be out at the same time: one a Guest, and there is no Guest without a module; and a
/// few that are borrowed for a moment.
pub const MAX_RUNS: usize = MAX_MODULES + 8;

/// Frames `first..end` by number, free.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Extent {
    first: u32,
    end: u32,
}

/// A contiguous run of frames that belongs to whoever holds this. Neither Copy nor Clone.
#[must_use = "a dropped FrameRun is memory lost until the next boot"]
#[derive(PartialEq, Eq, Debug)]
pub struct FrameRun(Extent);

impl FrameRun {
    /// Where it begins.
    pub const fn start(&self) -> HostPhys {
        HostPhys(self.0.first * PAGE_SIZE)
    }

    /// How many frames it has.
    pub const fn pages(&self) -> u32 {
        self.0.end - self.0.first
    }

    /// How many bytes it has.
    pub const fn len(&self) -> u32 {
        self.pages() * PAGE_SIZE
    }

    /// Whether it has no frame; no run from a pool is empty.
    pub const fn is_empty(&self) -> bool {
        self.pages() == 0
    }
}

/// The machine's free memory.
#[derive(Debug)]
pub struct FramePool {
    extents: ArrayVec<Extent, MAX_EXTENTS>,
    total: u32,
    /// Frames the Host has taken for good.
    kept: u32,
    runs: usize,
}

impl FramePool {
    /// No memory at all.
    pub const fn empty() -> Self {
        Self { extents: ArrayVec::new_const(), total: 0, kept: 0, runs: 0 }
    }

    /// The whole frames of `ram` from `lowest` to `limit`, but for every frame `in_use` touches.
    ///
    /// # Errors
    /// [`BootError::TooMany`] if memory is in more pieces than there is room for.
    pub fn new(
        ram: &[Region],
        in_use: &[Region],
        lowest: HostPhys,
        limit: HostPhys,
    ) -> Result<Self, BootError> {
        let mut pool = Self::empty();
        for region in ram {
            let first = region.start.div_ceil(PAGE_SIZE.into()).max(lowest.page_number().into());
            let end = region.start.saturating_add(region.len) / u64::from(PAGE_SIZE);
            let end = end.min(limit.page_number().into());
            if first < end {
                // Both are below `limit`'s page number now.
                pool.insert_ram(Extent { first: first as u32, end: end as u32 })?;
            }
        }
        for region in in_use {
            let page = u64::from(PAGE_SIZE);
            let end = region.start.saturating_add(region.len).div_ceil(page);
            let (first, end) = (region.start / page, end.min(limit.page_number().into()));
            pool.cut(Extent { first: first.min(end) as u32, end: end as u32 })?;
        }
        if pool.extents.len() + MAX_RUNS > MAX_EXTENTS {
            return Err(BootError::TooMany("pieces of RAM"));
        }
        pool.total = pool.free();
        Ok(pool)
    }

    /// Frames there are to lend, those that are out included.
    pub const fn total(&self) -> u32 {
        self.total
    }

    /// Frames that were taken for good.
    pub const fn kept(&self) -> u32 {
        self.kept
    }

    /// Frames that are free.
    pub fn free(&self) -> u32 {
        self.extents.iter().map(|extent| extent.end - extent.first).sum()
    }

    /// Frames in the largest free piece.
    pub fn largest(&self) -> u32 {
        self.extents.iter().map(|extent| extent.end - extent.first).max().unwrap_or(0)
    }

    /// Lends `pages` contiguous frames, the first one's number a multiple of `align`; `None` when
    /// there is no such run, for 0 pages, or while [`MAX_RUNS`] are out.
    pub fn take(&mut self, pages: u32, align: u32) -> Option<FrameRun> {
        if self.runs == MAX_RUNS {
            return None;
        }
        let run = self.find(pages, align)?;
        self.cut(run).expect("MAX_RUNS leaves room to split an extent");
        self.runs += 1;
        Some(FrameRun(run))
    }

    /// Whether [`take`](Self::take) would find such a run.
    pub fn has_room(&self, pages: u32, align: u32) -> bool {
        self.runs < MAX_RUNS && self.find(pages, align).is_some()
    }

    /// Gives `pages` contiguous frames away for good; `None` when there is no such run, or for 0
    /// pages.
    pub fn keep(&mut self, pages: u32) -> Option<HostPhys> {
        let run = self.find(pages, 1)?;
        self.cut(run).expect("the front of an extent is cut off without splitting it");
        self.total -= pages;
        self.kept += pages;
        Some(HostPhys(run.first * PAGE_SIZE))
    }

    /// The place for `pages` frames in the smallest extent that has room for them.
    fn find(&self, pages: u32, align: u32) -> Option<Extent> {
        let fit = |extent: &Extent| {
            let first = extent.first.checked_next_multiple_of(align)?;
            let end = first.checked_add(pages)?;
            (end <= extent.end).then_some(Extent { first, end })
        };
        if pages == 0 || align == 0 {
            return None;
        }
        let best = self.extents.iter().filter(|extent| fit(extent).is_some());
        best.min_by_key(|extent| extent.end - extent.first).and_then(fit)
    }

    /// Takes a run back.
    ///
    /// # Panics
    /// If a frame of it is free already: the Host has lent it twice.
    pub fn give_back(&mut self, run: FrameRun) {
        let run = run.0;
        let at = self.extents.partition_point(|extent| extent.first < run.first);
        let overlaps_before = at > 0 && self.extents[at - 1].end > run.first;
        let overlaps_after = self.extents.get(at).is_some_and(|next| next.first < run.end);
        assert!(!overlaps_before && !overlaps_after, "frames given back twice: {run:?}");
        self.insert(at, run).expect("MAX_RUNS bounds the number of extents");
        self.runs -= 1;
    }

    /// Puts a free extent at its place `at` and merges it with neighbours it touches.
    fn insert(&mut self, at: usize, extent: Extent) -> Result<(), BootError> {
        let touches_next = self.extents.get(at).is_some_and(|next| next.first == extent.end);
        let touches_last = at > 0 && self.extents[at - 1].end == extent.first;
        match (touches_last, touches_next) {
            (true, true) => self.extents[at - 1].end = self.extents.remove(at).end,
            (true, false) => self.extents[at - 1].end = extent.end,
            (false, true) => self.extents[at].first = extent.first,
            (false, false) => {
                self.extents.try_insert(at, extent).map_err(|_| BootError::TooMany("pieces of RAM"))?;
            }
        }
        Ok(())
    }

    /// Adds RAM from the loader's map, which may overlap what is there: that part is cut first.
    fn insert_ram(&mut self, extent: Extent) -> Result<(), BootError> {
        self.cut(extent)?;
        let at = self.extents.partition_point(|other| other.first < extent.first);
        self.insert(at, extent)
    }

    /// Removes `hole` from whatever is free.
    fn cut(&mut self, hole: Extent) -> Result<(), BootError> {
        if hole.first >= hole.end {
            return Ok(());
        }
        let mut at = 0;
        while let Some(&extent) = self.extents.get(at) {
            let before = Extent { first: extent.first, end: extent.end.min(hole.first) };
            let after = Extent { first: extent.first.max(hole.end), end: extent.end };
            self.extents.remove(at);
            for part in [before, after] {
                if part.first < part.end {
                    self.extents.try_insert(at, part).map_err(|_| BootError::TooMany("pieces of RAM"))?;
                    at += 1;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
