//! Disks: which there are, and which Guest has which.
//!
//! A Guest names its disks in the order in which it shall see them. One that
//! can be written belongs to one Guest; one that nobody changes, because it is
//! read-only or each Guest keeps its changes to itself, is anybody's.
//!
//! Next on the tour: [`crate::layout`].

use alloc::{string::String, vec::Vec};

use super::{Config, Fault, Plan};

/// Most disks a Guest may have: interrupt lines are few.
pub const DISKS_MAX: usize = 8;

/// A module that is a disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DiskPlan {
    /// What Guests call it in their lines, and it calls itself.
    pub name: String,
    /// Number of the boot module that has its bytes, from 0.
    pub module: usize,
    /// What becomes of what is written.
    pub mode: DiskMode,
}

/// What becomes of what a Guest writes to a disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum DiskMode {
    /// It changes the module, until the machine is switched off.
    #[default]
    ReadWrite,
    /// It is refused.
    ReadOnly,
    /// It is kept beside the module, for this Guest only.
    CopyOnWrite {
        /// Even when the Guest restarts.
        is_kept: bool,
    },
}

impl DiskMode {
    /// The mode `word` asks for.
    pub(super) fn from_word(word: &str) -> Option<Self> {
        match word {
            "ro" => Some(Self::ReadOnly),
            "cow" => Some(Self::CopyOnWrite { is_kept: false }),
            "cow=keep" => Some(Self::CopyOnWrite { is_kept: true }),
            _ => None,
        }
    }
}

impl Config {
    /// Finds the disks a Guest asks for by `names`, which no other Guest may have for itself.
    pub(super) fn find_disks(&self, names: &[&str]) -> Result<Vec<usize>, Fault> {
        if names.len() > DISKS_MAX {
            return Err(Fault::TooManyDisks);
        }
        let mut found = Vec::new();
        for &name in names {
            let place = self.disks.iter().position(|disk| disk.name == name);
            let place = place.ok_or_else(|| Fault::NoDisk(name.into()))?;
            if found.contains(&place) {
                return Err(Fault::DiskTwice(name.into()));
            }
            let is_taken = self.plans.iter().any(|plan: &Plan| plan.disks.contains(&place));
            if is_taken && self.disks[place].mode == DiskMode::ReadWrite {
                return Err(Fault::DiskTaken(name.into()));
            }
            found.push(place);
        }
        Ok(found)
    }
}
