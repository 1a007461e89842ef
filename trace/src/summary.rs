//! Where a Guest's exits came from, and what they cost: a flame of text.
//!
//! Exits are by kind, and within a kind by what tells them apart: an address, or
//! the number of the call. What most exits are is on top, and each has a bar as
//! long as its part of all.
//!
//! Next on the tour: [`crate::chrome`].

use std::collections::BTreeMap;
use std::io;

use kernel::trace::event::{Called, Event};

use crate::names::Names;
use crate::story::Story;

/// Lines of a kind at most.
const LINES: usize = 8;
/// The longest bar.
const BAR: u64 = 30;

/// Exits that are alike.
#[derive(Default)]
struct Sort {
    count: u64,
    /// Ticks the Host had the Guest for, as far as that is known.
    ticks: u64,
    /// The same, by what tells them apart.
    parts: BTreeMap<String, Sort>,
}

impl Sort {
    fn add(&mut self, ticks: u64) {
        (self.count, self.ticks) = (self.count + 1, self.ticks.saturating_add(ticks));
    }
}

/// Tells it for each Guest.
///
/// # Errors
/// Those of `out`.
pub fn tell(story: &Story, names: &Names<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    for guest in story.guests() {
        let all = sort(story, guest, names);
        let (count, nanos) = (all.count, story.ticks_to_nanos(all.ticks));
        writeln!(
            out,
            "guest {}: {count} exits and queued calls, {} us in the Host",
            story.name(guest),
            nanos / 1000
        )?;
        for (kind, sort) in by_count(&all) {
            line(story, out, 2, kind, sort, count)?;
            for (part, sort) in by_count(sort).into_iter().take(LINES) {
                line(story, out, 4, part, sort, count)?;
            }
        }
        if let Some(lost) = story.lost.get(&guest) {
            writeln!(out, "  {lost} events were lost")?;
        }
    }
    Ok(())
}

fn line(
    story: &Story,
    out: &mut dyn io::Write,
    indent: usize,
    what: &str,
    sort: &Sort,
    all: u64,
) -> io::Result<()> {
    let bar = "#".repeat((sort.count * BAR).div_ceil(all.max(1)) as usize);
    let micros = story.ticks_to_nanos(sort.ticks) / 1000;
    writeln!(out, "{:indent$}{what:<w$} {:>8} x {micros:>10} us  {bar}", "", sort.count, w = 46 - indent)
}

fn sort(story: &Story, guest: u8, names: &Names<'_>) -> Sort {
    let mut all = Sort::default();
    for (told, spent) in story.of(guest) {
        let (kind, part) = match told.event {
            Event::Exit { eip, .. } => {
                let symbol = names.describe(story, guest, eip);
                (told.event.word(), format!("{eip:08x} {}", symbol.as_deref().unwrap_or("")))
            }
            Event::Hypercall { number, .. } => ("hypercall", format!("call {}", Called(number))),
            Event::Hypercalls { .. }
            | Event::Inject { .. }
            | Event::Raise { .. }
            | Event::Slice { .. }
            | Event::Rest { .. }
            | Event::Start { .. }
            | Event::Enter { .. } => continue,
        };
        let ticks = spent.unwrap_or(0);
        all.add(ticks);
        let kind = all.parts.entry(kind.into()).or_default();
        kind.add(ticks);
        kind.parts.entry(part).or_default().add(ticks);
    }
    all
}

fn by_count(sort: &Sort) -> Vec<(&str, &Sort)> {
    let mut parts: Vec<(&str, &Sort)> = sort.parts.iter().map(|(what, sort)| (what.as_str(), sort)).collect();
    parts.sort_by_key(|(_, sort)| core::cmp::Reverse(sort.count));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::tests::line;
    use monitor::symbols::Symbols;

    #[test]
    fn exits_are_counted_by_kind_and_place() {
        let (story, names) =
            (Story::read(&line()).unwrap(), Names::new(Symbols::new(b"c0100000 T touch\n"), None));
        let mut out = Vec::new();
        tell(&story, &names, &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert!(out.starts_with("guest a: 2 exits and queued calls, 0 us in the Host\n"), "{out}");
        assert!(out.contains("    c0100004 touch+0x4"), "{out}");
        let half = format!("1 x {:>10} us  {}\n", 0, "#".repeat(15));
        assert_eq!(out.matches(&half).count(), 4, "{out}");
        assert!(
            out.ends_with("guest b: 0 exits and queued calls, 0 us in the Host\n  3 events were lost\n"),
            "{out}"
        );
    }
}
