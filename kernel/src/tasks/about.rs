//! The page about the Host: who is there, and what they speak.
//!
//! Next on the tour: [`crate::disks`].

use core::fmt;

use super::{MIB, Task};
use crate::machine::clock;
use crate::machine::memory::Memory;

/// What a Guest may read about the Host and the others.
pub(super) struct About<'a> {
    pub(super) tasks: &'a [Task],
    pub(super) memory: &'a Memory,
}

impl fmt::Display for About<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let up = clock::now().0 / 1_000_000_000;
        writeln!(f, "up {up} s, {} of {} pages free\n", self.memory.free(), self.memory.total())?;
        for Task { name, guest, told, launcher, .. } in self.tasks {
            let state = if guest.is_some() { "runs" } else { "has ended" };
            write!(f, "guest {name}: {state}, {} MiB", launcher.plan().memory / MIB)?;
            match told {
                Some(variant) => writeln!(f, ", speaks the ABI of {variant}")?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}
