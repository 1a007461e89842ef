//! How a Guest ends by its own wish, or begins again.
//!
//! Next on the tour: `task/restarts.rs`.

use core::fmt::{self, Write as _};

use abi::{GuestResult, KillReason, Nanos, Shutdown};

use super::restarts::EVERY;
use super::{Launcher, Outcome, Step};
use crate::port::Log;

/// The last words of every Linux that powers off.
const LINUX_POWER_OFF: &str = "Power down";

impl Launcher<'_> {
    /// Does as a Guest wishes that makes SHUTDOWN, and tells.
    pub(super) fn end(&mut self, wish: &Shutdown, now: Nanos, log: &mut dyn Log) -> GuestResult<Step> {
        let has_panicked = self.has_panicked(wish);
        let (name, words) = (&self.plan.name, LastWords(wish));
        let what = match wish.restart {
            true => "restarting",
            false if has_panicked => "panicked",
            false => "powered off",
        };
        if has_panicked {
            // Its own words are the last.
            log.end(format_args!("guest {name}: killed: {}", KillReason::Panicked));
        }
        match wish.restart {
            true => log.news(format_args!("guest {name}: {what}{words}")),
            false => log.end(format_args!("guest {name}: {what}{words}")),
        }
        if has_panicked {
            return Err(KillReason::Panicked);
        }
        if !wish.restart {
            return Ok(Step::Ended(Outcome::PoweredOff));
        }
        self.begin();
        let from = self.restarts.take(now);
        if from <= now {
            return Ok(Step::Runnable);
        }
        if !core::mem::replace(&mut self.restarts.is_told, true) {
            let rate = Nanos::from_millis(1_000).0 / EVERY.0;
            let name = &self.plan.name;
            log.once(format_args!("guest {name}: restarts too often: {rate} times a second is the most"));
        }
        self.asleep = Some(from);
        Ok(Step::Blocked(from))
    }

    /// A Linux panics by the call it powers off with; only its words tell the two apart.
    fn has_panicked(&self, wish: &Shutdown) -> bool {
        !wish.restart && self.release().is_some() && !wish.text().eq(LINUX_POWER_OFF.chars())
    }
}

/// A Guest's last words, as they are printed behind what it does; nothing if it has none.
struct LastWords<'a>(&'a Shutdown);

impl fmt::Display for LastWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.text().all(char::is_whitespace) {
            return Ok(());
        }
        f.write_str(": ")?;
        self.0.text().try_for_each(|letter| f.write_char(letter))
    }
}
