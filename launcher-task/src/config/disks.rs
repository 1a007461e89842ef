//! Disks: which there are, and which Guest has which.
//!
//! A Guest names its disks in the order in which it shall see them. One that
//! can be written belongs to one Guest; one that nobody changes, because it is
//! read-only or each Guest keeps its changes to itself, is anybody's.
//!
//! Next on the tour: [`crate::layout`].

use alloc::{string::String, vec::Vec};
use core::fmt;

use super::limits::DISKS_MAX;
use super::{Config, Fault, Plan};
use crate::block::SECTOR;

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

/// What a disk's file has beyond its last whole sector; `Display` says what becomes of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Remainder {
    len: u64,
}

impl Remainder {
    /// That of a file of `len` bytes, if it has one, or not even a sector.
    pub fn of(len: usize) -> Option<Self> {
        let len = len as u64;
        (len == 0 || !len.is_multiple_of(SECTOR)).then_some(Self { len })
    }
}

impl fmt::Display for Remainder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sectors, rest) = (self.len / SECTOR, self.len % SECTOR);
        match (sectors, rest) {
            (0, 0) => f.write_str("its file is empty: a guest sees a disk without a sector"),
            (0, _) => write!(
                f,
                "its {rest} bytes are less than a sector of {SECTOR}: a guest sees a disk without one"
            ),
            (1, _) => {
                write!(f, "its last {rest} bytes are no whole sector: a guest sees 1 sector, without them")
            }
            (_, _) => write!(
                f,
                "its last {rest} bytes are no whole sector: a guest sees {sectors} sectors, without them"
            ),
        }
    }
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
