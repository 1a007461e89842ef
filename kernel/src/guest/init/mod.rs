//! INIT of a Guest that expects to find page tables: as much work as it has memory, so it is done in
//! steps.
//!
//! First it must be known which format its tables have, and if nobody said so,
//! all of its memory may have to be looked at ([`Search`]). Then the tables are
//! written, one at a time ([`BootTables`]). Whenever the slice is over the rest
//! waits, and the Guest with it.
//!
//! ```text
//!   INIT --> Search --a few pages--> ... --> BootTables --a table--> ... --> the Guest goes on
//! ```
//!
//! Invariants:
//! - A step looks at [`PAGES_PER_STEP`](crate::guest::init::recognise::PAGES_PER_STEP) pages or
//!   writes one table (`init_is_cut_into_slices`).
//! - What was read of the Guest's memory is not read again: it could be another
//!   by then, for devices go on.
//!
//! Source: lguest ABI, "Address translation at start".
//!
//! Next on the tour: [`crate::guest::init::boot_tables`].

pub mod boot_tables;
pub mod recognise;

use abi::{GuestMemory, GuestResult};

use crate::guest::init::boot_tables::BootTables;
use crate::guest::init::recognise::Search;
use crate::guest::shared::Shared;
use crate::shadow::Shadow;
use crate::shadow::walk::Format;

/// How far an INIT is.
pub struct Preparation {
    shared: Shared,
    stage: Stage,
}

enum Stage {
    /// The format is not known yet.
    Search(Search),
    /// It is, and the tables are being written.
    Tables(BootTables),
}

impl Preparation {
    /// Begins, with what INIT has told; `format` if somebody has said which it is.
    ///
    /// # Errors
    /// As [`BootTables::plan`].
    pub fn begin(shared: Shared, format: Option<Format>, memory: &impl GuestMemory) -> GuestResult<Self> {
        let stage = match format {
            Some(format) => Stage::Tables(BootTables::plan(memory, shared.kernel_address, format)?),
            None => Stage::Search(Search::default()),
        };
        Ok(Self { shared, stage })
    }

    /// Does a step; true if that was the last.
    ///
    /// # Errors
    /// As [`BootTables::plan`], and [`abi::KillReason::OutOfFrames`].
    pub fn advance(&mut self, memory: &mut impl GuestMemory, shadow: &mut Shadow) -> GuestResult<bool> {
        let kernel = self.shared.kernel_address;
        match &mut self.stage {
            Stage::Search(search) => {
                if let Some(format) = search.advance(memory, kernel) {
                    self.stage = Stage::Tables(BootTables::plan(memory, kernel, format)?);
                }
                Ok(false)
            }
            Stage::Tables(tables) => {
                let Some(top) = tables.advance(memory)? else { return Ok(false) };
                shadow.set_format(Some(tables.format()));
                shadow.switch_to(memory, top)?;
                self.shared.set_pgdir(memory, top)?;
                Ok(true)
            }
        }
    }

    /// The Guest's `lguest_data`, once all is done.
    pub fn into_shared(self) -> Shared {
        self.shared
    }
}
