//! A Guest's page tables for an address, and the shadow's beside them.
//!
//! What the Guest wrote and what the CPU walks differ on purpose: the shadow
//! is filled in late, has two levels whatever the Guest has, and grants no
//! write before the Guest's own entry says dirty. Seen side by side this is no
//! mystery any more.
//!
//! Source: Intel SDM Vol. 3, "32-Bit Paging", "PAE Paging".
//!
//! Next on the tour: [`crate::gates`].

use alloc::vec::Vec;
use core::fmt;

use serde::Serialize;

/// A level of both walks.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Rung {
    /// `pointers`, `directory` or `table`.
    pub level: &'static str,
    /// Where the Guest's entry lies, and what it says.
    pub guest: Option<(u32, u64)>,
    /// What the shadow's says; 0 if there is none.
    pub shadow: Option<u32>,
}

/// Both walks for an address.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Walk {
    /// The linear address.
    pub at: u32,
    /// How the Guest writes its tables: `two-level`, `pae`, or `no` while linear is physical.
    pub format: &'static str,
    /// The levels, highest first.
    pub rungs: Vec<Rung>,
    /// Where the Guest's tables lead.
    pub physical: Option<u32>,
    /// Where the shadow leads, as the Guest would say it.
    pub shadow: Option<u32>,
    /// What there is to be said about it.
    pub note: &'static str,
}

impl fmt::Display for Walk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "linear {:08x}, {} tables", self.at, self.format)?;
        for Rung { level, guest, shadow } in &self.rungs {
            if let Some((place, entry)) = *guest {
                writeln!(f, "{level:<9}  Guest   {entry:08x} at {place:08x}:{}", Flags(entry, level))?;
            }
            if let Some(entry) = *shadow {
                let level = if guest.is_some() { "" } else { level };
                writeln!(f, "{level:<9}  shadow  {entry:08x}            :{}", Flags(entry.into(), "table"))?;
            }
        }
        for (who, place) in [("Guest", self.physical), ("shadow", self.shadow)] {
            match place {
                Some(at) => writeln!(f, "leads to   {who:<6}  physical {at:08x}")?,
                None => writeln!(f, "leads to   {who:<6}  nowhere")?,
            }
        }
        writeln!(f, "           {}", self.note)
    }
}

/// An entry's flags by name, and at which level it stands.
struct Flags<'a>(u64, &'a str);

impl fmt::Display for Flags<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(entry, level) = *self;
        let has = |bit: u32| entry >> bit & 1 != 0;
        if !has(0) {
            return f.write_str(" not present");
        }
        f.write_str(" present")?;
        if level == "pointers" {
            return Ok(());
        }
        f.write_str(if has(1) { " writable" } else { " read-only" })?;
        f.write_str(if has(2) { " user" } else { " supervisor" })?;
        let large = if level == "directory" { "large" } else { "PAT" };
        let others = [
            (5, "accessed"),
            (6, "dirty"),
            (3, "write-through"),
            (4, "uncached"),
            (7, large),
            (8, "global"),
            (63, "no-execute"),
        ];
        others.iter().filter(|(bit, _)| has(*bit)).try_for_each(|(_, name)| write!(f, " {name}"))?;
        match entry >> 9 & 7 {
            0 => Ok(()),
            left => write!(f, " software {left:#x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_walks_are_shown_level_by_level() {
        let rungs = vec![
            Rung { level: "directory", guest: Some((0x1004, 0x2067)), shadow: Some(0x67) },
            Rung { level: "table", guest: None, shadow: Some(0) },
        ];
        let walk =
            Walk { at: 0x40_3123, format: "two-level", rungs, physical: None, shadow: None, note: "x" };
        let lines = [
            "linear 00403123, two-level tables",
            "directory  Guest   00002067 at 00001004: present writable user accessed dirty",
            "           shadow  00000067            : present writable user accessed dirty",
            "table      shadow  00000000            : not present",
            "leads to   Guest   nowhere",
            "leads to   shadow  nowhere",
            "           x",
        ];
        assert_eq!(walk.to_string().lines().collect::<Vec<_>>(), lines);
    }

    #[test]
    fn every_flag_has_a_name() {
        let all = Flags(u64::MAX, "table").to_string();
        let words =
            " present writable user accessed dirty write-through uncached PAT global no-execute software 0x7";
        assert_eq!(all, words);
        assert!(Flags(0x83, "directory").to_string().ends_with(" large"));
    }
}
