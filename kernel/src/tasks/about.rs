//! What a Guest may read about itself on the gateway's page: what it speaks, and what it has used.
//!
//! Of other Guests, and of what the Host has, there is nothing here.
//!
//! Next on the tour: [`crate::tasks::disks`].

use core::fmt;

use kernel::inspect::usage;

use super::{MIB, Task};
use crate::machine::clock;

/// Writes a few lines about the Guest that is called `guest`.
pub(super) fn tell(tasks: &[Task], guest: &str, out: &mut dyn fmt::Write) -> fmt::Result {
    let now = clock::now();
    writeln!(out, "up {} s\n", now.0 / 1_000_000_000)?;
    let Some(Task { name, guest, told, launcher, life, .. }) = tasks.iter().find(|task| task.name == guest)
    else {
        return Ok(());
    };
    let state = if guest.is_some() { "runs" } else { "has ended" };
    write!(out, "guest {name}: {state}, {} MiB", launcher.plan().memory / MIB)?;
    match told {
        Some(variant) => writeln!(out, ", speaks the ABI of {variant}")?,
        None => writeln!(out)?,
    }
    let mut told = Ok(());
    if let Some(guest) = guest {
        usage::tell(guest, life, now, |line| told = told.and_then(|()| writeln!(out, "    {line}")));
    }
    told
}
