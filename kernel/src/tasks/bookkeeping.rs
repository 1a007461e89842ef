//! What the Host keeps on behalf of each Guest, added up before the Guest is made.
//!
//! A Guest's memory is frames; what the Host notes about it is on the heap,
//! which grows out of the same frames. Part of that is taken when the Guest is
//! made, part later: when it first uses the FPU, when a debugger comes, when
//! somebody asks the monitor. All of it is there before the Guest is, in one
//! piece, or the Guest is not.
//!
//! ```text
//!   heap   | in use | this Guest: now | all Guests so far: later | the Host: later |
//!                   '------------------ one reserved stretch ----------------------'
//! ```
//!
//! Invariants:
//! - What a Guest, a person or a script can make the Host allocate has a bound, which is in these
//!   figures; the heap never grows once the Guests run (`as_many_guests_as_the_loader_can_bring_all_run`,
//!   in the boot tests).
//!
//! Next on the tour: [`super::about`].

use alloc::vec::Vec;
use core::fmt::Display;

use abi::PAGE_SIZE;
use kernel::guest::Guest;
use kernel::platform::second_line::Role;
use kernel::shadow::pool::Pool;
use kernel::terminal::multiplexer::scrollback::KEPT;
use kernel::trace::feed::Feed;
use launcher_task::Plan;
use launcher_task::config::networks;
use launcher_task::net::network::Networks;

use super::{MIB, Task};
use crate::machine::heap;
use crate::machine::memory::Memory;
use crate::machine::ram::GuestRam;

/// Shadow tables a Guest gets whatever its size, ...
const TABLES: u32 = 64;
/// ... and for each MiB it has.
const TABLES_PER_MIB: u32 = 4;
/// A device: its slot, its queues' rings and chains, its configuration.
const DEVICE: usize = 24 << 10;
/// Devices every Guest has: console and entropy source.
const COMMON_DEVICES: usize = 2;
/// Names, command line, and what the heap wants to keep small things.
const SMALL: usize = 8 << 10;
/// What reading an image takes for a moment: a list of as many segments as there may be, grown.
const READING: usize = 128 << 10;
/// What is kept later on a Guest's behalf: FPU state, shadow roots, its debugger.
const LATER: usize = 8 << 10;

/// What the monitor's longest answer takes: the Host's log in lines, as text and as JSON.
const MONITOR: usize = 192 << 10;
/// What GDB's longest packet and the answer to it take.
const DEBUGGER: usize = 64 << 10;
/// What a core file's list of runs takes while it grows, and the head made of it.
const CORE: usize = 128 << 10;

/// Shadow tables for a Guest with so many bytes of memory.
pub(super) const fn tables_for(memory: u32) -> u32 {
    TABLES + memory / MIB * TABLES_PER_MIB
}

/// What has been promised so far.
pub struct Bookkeeping {
    /// Bytes that may be asked for later.
    promised: usize,
    /// Events there is room for in each Guest's feed.
    events: Option<usize>,
}

impl Bookkeeping {
    /// Nothing but what the Host itself may want later, with this role for the second line.
    pub fn new(role: Option<Role<'_>>, events: Option<usize>) -> Self {
        let for_role = match role {
            Some(Role::Core(_)) => CORE,
            Some(Role::Gdb { .. }) => DEBUGGER,
            Some(Role::Monitor | Role::Trace(_) | Role::Capture(_)) | None => 0,
        };
        Self { promised: MONITOR + for_role, events }
    }

    /// Reserves what a Guest of `plan` with so many shadow tables wants, now and later.
    ///
    /// # Errors
    /// How many bytes that is, if there are not as many.
    pub fn admit(&mut self, plan: &Plan, tables: u32) -> Result<(), usize> {
        let now = self.notes(plan, tables);
        if !heap::reserve(now + READING + self.promised + LATER) {
            return Err(now + LATER);
        }
        self.promised += LATER;
        Ok(())
    }

    /// Takes the last Guests out of `plans` for which, beside those before them, the machine has too
    /// little memory, be it for the networks between them; `complain` is told. One that would not fit
    /// alone keeps no other from running: it is left here, and refused when it is made.
    pub fn add_up(&self, plans: &mut Vec<Plan>, memory: &Memory, mut complain: impl FnMut(&dyn Display)) {
        let there = u64::from(memory.free()) * u64::from(PAGE_SIZE);
        loop {
            let fit = || plans.iter().filter(|plan| self.least(plan) <= there);
            let cards: usize = fit().map(|plan| plan.nets.len()).sum();
            let networks = networks(plans).len().min(cards);
            let for_cards = Networks::room(networks, cards, 0) + Networks::bookkeeping(networks, cards);
            let wanted = fit().map(|plan| self.least(plan)).sum::<u64>() + for_cards as u64;
            let Some(last) = plans.iter().rposition(|plan| self.least(plan) <= there) else { return };
            if wanted + self.promised as u64 <= there || fit().count() == 1 {
                return;
            }
            let Plan { name, file, .. } = plans.remove(last);
            complain(&format_args!(
                "guest {name}: {file}: no memory is left for it: all guests up to it want {} MiB, and there are {}",
                wanted.div_ceil(MIB.into()),
                there / u64::from(MIB)
            ));
        }
    }

    /// The least that a Guest of `plan` wants of the machine, but for its networks: its memory, which
    /// may be less than usual, its shadow tables, what is kept of its output, the Host's notes.
    fn least(&self, plan: &Plan) -> u64 {
        let memory = if plan.is_usual_memory { MIB } else { plan.memory };
        let tables = tables_for(memory);
        let frames = u64::from(memory) + u64::from(tables) * u64::from(PAGE_SIZE);
        frames + (KEPT + self.notes(plan, tables) + LATER) as u64
    }

    /// Bytes of the heap for a Guest of `plan` with so many shadow tables, when it is made.
    fn notes(&self, plan: &Plan, tables: u32) -> usize {
        let devices = COMMON_DEVICES + plan.nets.len() + plan.disks.len();
        // A list of tasks that grows is copied: for a moment there are two.
        let guest = size_of::<Guest<GuestRam>>() + 3 * size_of::<Task>() + Pool::bookkeeping(tables as usize);
        let feed = self.events.map_or(0, Feed::bookkeeping);
        guest + devices * DEVICE + feed + SMALL
    }
}
