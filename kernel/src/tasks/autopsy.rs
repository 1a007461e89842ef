//! Core files of Guests that were killed, over the second line.
//!
//! A dead Guest keeps its memory until its core is out, a few pages a turn;
//! the others go on meanwhile. The line carries one file, so it is the first
//! Guest killed that has one, or the one that was named.
//!
//! Invariants: a line nobody listens to holds nothing up: after [`PATIENCE`] without a byte taken
//! the core is given up.
//!
//! Next on the tour: [`super::desk`].

use alloc::boxed::Box;
use alloc::string::String;

use abi::{KillReason, Nanos};
use kernel::guest::Guest;
use kernel::inspect::core_file::CoreFile;

use super::Tasks;
use crate::host;
use crate::machine::ram::GuestRam;
use crate::machine::{clock, second_line};

/// How long the line may take nothing.
const PATIENCE: Nanos = Nanos::from_millis(5_000);
/// How often the person is told how far it is, if it takes that long.
const TELL: Nanos = Nanos::from_millis(2_000);

/// What the second line is to carry.
pub enum Autopsy {
    /// No core, or it is out already.
    Nothing,
    /// That of the Guest of this name, or of the first that is killed.
    Wanted(Option<String>),
    /// One that is being sent.
    Sends(Box<Corpse>),
}

/// A dead Guest, and how far its core is.
pub struct Corpse {
    guest: Guest<GuestRam>,
    core: CoreFile,
    /// When the person was told, ...
    told: Nanos,
    /// ... and when the line took something.
    taken: Nanos,
}

impl Tasks {
    /// Takes what a Guest of this name had: for a core, if one is wanted, or back.
    pub(super) fn bury(&mut self, guest: Guest<GuestRam>, name: &str, killed: Option<KillReason>) {
        let is_wanted = match &self.autopsy {
            Autopsy::Wanted(who) => who.as_deref().is_none_or(|who| who == name),
            Autopsy::Nothing | Autopsy::Sends(_) => false,
        };
        match killed {
            Some(reason) if is_wanted => {
                let (now, core) = (clock::now(), CoreFile::new(&guest, name, &reason));
                self.autopsy = Autopsy::Sends(Box::new(Corpse { guest, core, told: now, taken: now }));
            }
            Some(_) | None => self.memory.evict(guest),
        }
    }

    /// Goes on with a core for a turn; false if there is none under way.
    pub(super) fn dissect(&mut self) -> bool {
        let Autopsy::Sends(corpse) = &mut self.autopsy else { return false };
        let now = clock::now();
        let (before, _) = corpse.core.progress();
        let goes_on = corpse.core.turn(&corpse.guest, second_line::send);
        let (sent, len) = corpse.core.progress();
        if sent > before || len == 0 {
            corpse.taken = now;
        }
        let has_patience = corpse.taken.until(now) < PATIENCE;
        if goes_on && has_patience {
            if corpse.told.until(now) >= TELL {
                corpse.told = now;
                host!("core of guest {}: {} of {} KiB", corpse.core.name(), sent >> 10, len >> 10);
            }
            return true;
        }
        self.finish(has_patience);
        false
    }

    /// Tells what became of the core, and takes back what the Guest had.
    fn finish(&mut self, is_whole: bool) {
        let Autopsy::Sends(corpse) = core::mem::replace(&mut self.autopsy, Autopsy::Nothing) else { return };
        let (name, (sent, len)) = (corpse.core.name(), corpse.core.progress());
        match is_whole {
            true => host!("core of guest {name}: {} KiB", sent >> 10),
            false => host!("core of guest {name}: given up after {sent} of {len} bytes: nobody takes them"),
        }
        if corpse.core.left_out() > 0 {
            host!("core of guest {name}: {} pages are not in it", corpse.core.left_out());
        }
        self.memory.evict(corpse.guest);
    }
}
