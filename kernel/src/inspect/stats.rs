//! What a Guest uses: time, exits, tables, interrupts, traffic.
//!
//! Next on the tour: [`super::script`].

use alloc::vec::Vec;

use abi::{GuestMemory, Nanos};
use monitor::stats::{Count, Device, Hot, Stats};
use monitor::symbols::Symbols;

use crate::cpu::exit::KINDS;
use crate::guest::Guest;
use crate::inspect::usage::Life;
use crate::trace::event::{Event, Noted};

/// Addresses shown at most.
const HOT_MAX: usize = 5;

/// Those of `guest`.
pub fn stats<M: GuestMemory>(
    guest: &Guest<M>,
    life: &Life,
    now: Nanos,
    symbols: &Symbols<'_>,
    devices: Vec<Device>,
) -> Stats {
    let (cpu, wall, exits) = (life.cpu().0, life.wall(now).0, guest.exits.all());
    let (tables, free) = guest.shadow.tables();
    let by_kind = KINDS.iter().zip(guest.exits.by_kind()).map(|(&kind, count)| Count { kind, count });
    Stats {
        cpu,
        wall,
        share: cpu.checked_div(wall / 1000).unwrap_or(0),
        exits,
        per_exit: cpu.checked_div(exits).unwrap_or(0),
        by_kind: by_kind.collect(),
        by_address: hot(guest, symbols),
        interrupts: guest.interrupts.delivered(),
        tables,
        tables_used: tables - free,
        tables_peak: guest.shadow.tables_at_most(),
        roots: guest.shadow.root_count(),
        devices,
    }
}

/// Where the exits in the trace came from, most first.
fn hot<M>(guest: &Guest<M>, symbols: &Symbols<'_>) -> Vec<Hot> {
    let mut hot: Vec<Hot> = Vec::new();
    for Noted { event, .. } in guest.trace.events(0) {
        let (Event::Exit { eip, .. }, kind) = (event, event.word()) else { continue };
        match hot.iter_mut().find(|known| known.eip == eip && known.kind == kind) {
            Some(known) => known.count += 1,
            None => hot.push(Hot { eip, symbol: None, kind, count: 1 }),
        }
    }
    let most = core::iter::from_fn(|| {
        let (place, _) = hot.iter().enumerate().max_by_key(|(_, known)| known.count)?;
        Some(hot.swap_remove(place))
    });
    let mut most: Vec<Hot> = most.take(HOT_MAX).collect();
    most.iter_mut().for_each(|known| known.symbol = symbols.describe(known.eip));
    most
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::{ScriptedCpu, running_guest};

    #[test]
    fn what_is_counted_is_told() {
        let mut guest = running_guest(&mut ScriptedCpu::default());
        (0..10).for_each(|_| guest.exits.count(14));
        for eip in [0x10, 0x20, 0x10] {
            guest.trace.note(Event::Exit { trapnum: 14, code: 0, cr2: 0, eip });
        }
        let mut life = Life::begin(16, Nanos(0));
        life.charge(Nanos(0), Nanos(250_000_000));
        let now = Nanos(1_000_000_000);
        let used = stats(&guest, &life, now, &Symbols::new(b"00000010 t here\n"), Vec::new());
        assert_eq!((used.share, used.exits, used.per_exit), (250, 12, 20_833_333));
        assert_eq!((used.by_address[0].eip, used.by_address[0].count), (0x10, 2));
        let told = used.to_string();
        assert!(told.contains("time    cpu 250 ms of 1000 ms, 25.0 %\n"), "{told}");
        assert!(told.contains("00000010  page-fault x 2 of the last  here+0x0\n"), "{told}");
    }

    #[test]
    fn a_guest_that_has_just_begun_has_used_nothing() {
        let guest = crate::scripted::new_guest(1);
        let used = stats(&guest, &Life::begin(1, Nanos(5)), Nanos(5), &Symbols::default(), Vec::new());
        assert_eq!((used.share, used.per_exit, used.by_address.len()), (0, 0, 0));
    }
}
