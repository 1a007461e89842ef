//! A Guest, its Launcher, and what the Host remembers of them.
//!
//! Next on the tour: [`super::seat`].

use alloc::boxed::Box;
use alloc::string::String;

use abi::{Nanos, Variant};
use kernel::guest::Guest;
use kernel::inspect::usage::Life;
use kernel::inspect::watch::Told;
use launcher_task::{Launcher, Outcome};
use monitor::symbols::Symbols;

use crate::machine::console;
use crate::machine::ram::GuestRam;

/// A Guest and its Launcher.
pub(super) struct Task {
    pub(super) name: String,
    pub(super) launcher: Launcher<'static>,
    /// `None` once it has ended.
    pub(super) guest: Option<Box<Guest<GuestRam>>>,
    /// What the person was told that the Guest speaks.
    pub(super) told: Option<Variant>,
    /// How it has ended, if that was not told yet.
    pub(super) ending: Option<Outcome>,
    /// The time it has used.
    pub(super) life: Life,
    /// Names for its addresses.
    pub(super) symbols: Symbols<'static>,
}

impl Task {
    /// Has a look whether its Guest gets anywhere, if it is time.
    #[inline]
    pub(super) fn look(&mut self, now: Nanos) {
        if now >= self.life.watch.due {
            self.look_closely(now);
        }
    }

    #[cold]
    fn look_closely(&mut self, now: Nanos) {
        let Self { name, launcher, guest: Some(guest), life, .. } = self else {
            self.life.watch.due = Nanos::NEVER;
            return;
        };
        let cpu = life.cpu();
        if let Some(stuck) = life.watch.look(guest, cpu, launcher.drives(), now) {
            console::line(format_args!("guest {name}: {}", Told(stuck, guest)));
        }
    }
}
