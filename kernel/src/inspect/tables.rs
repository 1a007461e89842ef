//! A Guest's page tables for an address, and the shadow's beside them.
//!
//! Next on the tour: [`super::gates`].

use alloc::vec::Vec;

use abi::{GuestLinear, GuestMemory};
use monitor::tables::{Rung, Walk};

use crate::guest::Guest;
use crate::shadow::entry::{D, P, W};
use crate::shadow::look::{Level, NoPage};
use crate::shadow::walk::Format;

/// Walks both tables of `guest`.
pub fn walk<M: GuestMemory>(guest: &Guest<M>, at: u32) -> Walk {
    let at = GuestLinear(at);
    let space = guest.shadow.space();
    let path = space.walk(&guest.memory, at);
    let seen = guest.shadow.peek(at);
    let mut rungs: Vec<Rung> = path
        .steps
        .iter()
        .map(|step| Rung { level: name(step.level), guest: Some((step.place.0, step.entry)), shadow: None })
        .collect();
    // The shadow has its two levels even where the Guest's walk has ended.
    for (level, entry) in [("directory", seen.directory), ("table", seen.table)] {
        match rungs.iter_mut().find(|rung| rung.level == level) {
            Some(rung) => rung.shadow = Some(entry),
            None => rungs.push(Rung { level, guest: None, shadow: Some(entry) }),
        }
    }
    let last = path.steps.last().filter(|_| path.end.is_ok()).map_or(0, |step| step.entry as u32);
    Walk {
        at: at.0,
        format: words(space.top.map(|_| space.format)),
        rungs,
        physical: path.end.ok().map(|at| at.0),
        shadow: seen.leads_to.map(|at| at.0),
        note: note(path.end.err(), last, seen.table),
    }
}

const fn name(level: Level) -> &'static str {
    match level {
        Level::Pointers => "pointers",
        Level::Directory => "directory",
        Level::Table => "table",
    }
}

/// Why a walk ends, or why the two differ.
const fn note(end: Option<NoPage>, guest: u32, shadow: u32) -> &'static str {
    match end {
        Some(NoPage::Switcher) => "the Switcher's, in every address space",
        Some(NoPage::Absent(_)) => "not mapped by the Guest",
        Some(NoPage::Unsound(_)) => {
            "an entry the Host does not follow: using it kills, unless it is a device's"
        }
        Some(NoPage::Outside) => "not in the Guest's memory",
        None if shadow & P == 0 => "not filled in yet: the next access faults, and the Host fills it in",
        None if guest & (W | D) == W && shadow & W == 0 => {
            "read-only for the CPU until the Guest's first write"
        }
        None => "both agree",
    }
}

const fn words(format: Option<Format>) -> &'static str {
    match format {
        None => "no",
        Some(Format::TwoLevel) => "two-level",
        Some(Format::Pae) => "pae",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::exit::PageFaultCode;
    use crate::scripted::{Ram, ScriptedCpu, running_guest};
    use crate::shadow::entry::U;
    use abi::GuestPhys;

    const AT: u32 = 0x0040_3123;

    /// A Guest with a page at `AT`, clean and read-only for the time being.
    fn guest() -> Guest<Ram> {
        let mut guest = running_guest(&mut ScriptedCpu::default());
        guest.memory.write_u32(GuestPhys(0x9004), 0xA000 | P | W | U).unwrap();
        guest.memory.write_u32(GuestPhys(0xA00C), 0x5000 | P | W).unwrap();
        guest.shadow.set_format(Some(Format::TwoLevel));
        guest.shadow.switch_to(&guest.memory, GuestPhys(0x9000)).unwrap();
        guest
    }

    #[test]
    fn both_walks_stand_side_by_side() {
        let mut guest = guest();
        let before = walk(&guest, AT);
        assert_eq!((before.physical, before.shadow), (Some(0x5123), None));
        assert!(before.note.starts_with("not filled in yet"));
        guest.shadow.demand_page(&mut guest.memory, GuestLinear(AT), PageFaultCode(0)).unwrap();
        let read = walk(&guest, AT);
        assert_eq!((read.physical, read.shadow), (Some(0x5123), Some(0x5123)));
        assert!(read.note.starts_with("read-only for the CPU"));
        let told = read.to_string();
        assert!(
            told.contains("Guest   00005023 at 0000a00c: present writable supervisor accessed\n"),
            "{told}"
        );
        guest.shadow.demand_page(&mut guest.memory, GuestLinear(AT), PageFaultCode(2)).unwrap();
        assert_eq!(walk(&guest, AT).note, "both agree");
    }

    #[test]
    fn a_walk_that_ends_early_says_why() {
        let guest = guest();
        assert_eq!(walk(&guest, 0).note, "not mapped by the Guest");
        assert_eq!(walk(&guest, 0xFFC0_0000).note, "the Switcher's, in every address space");
        let rungs = walk(&guest, 0).rungs;
        assert_eq!((rungs[0].guest, rungs[1].guest), (Some((0x9000, 0)), None));
    }
}
