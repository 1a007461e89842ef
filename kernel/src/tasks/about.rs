//! The page about the Host: who is there, what they speak, and what they have used.
//!
//! Next on the tour: [`crate::disks`].

use core::fmt;

use kernel::usage;

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
        let now = clock::now();
        writeln!(
            f,
            "up {} s, {} of {} pages free\n",
            now.0 / 1_000_000_000,
            self.memory.free(),
            self.memory.total()
        )?;
        for Task { name, guest, told, launcher, life, .. } in self.tasks {
            let state = if guest.is_some() { "runs" } else { "has ended" };
            write!(f, "guest {name}: {state}, {} MiB", launcher.plan().memory / MIB)?;
            match told {
                Some(variant) => writeln!(f, ", speaks the ABI of {variant}")?,
                None => writeln!(f)?,
            }
            if let Some(guest) = guest {
                let mut told = Ok(());
                usage::tell(guest, life, now, |line| told = told.and_then(|()| writeln!(f, "    {line}")));
                told?;
            }
        }
        Ok(())
    }
}
