//! A trace as text: a line an event.
//!
//! Next on the tour: [`crate::summary`].

use std::io;

use kernel::trace::event::Event;

use crate::names::Names;
use crate::story::Story;

/// Tells all of it.
///
/// # Errors
/// Those of `out`.
pub fn tell(story: &Story, names: &Names<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    for told in &story.events {
        let nanos = story.nanos(told.tsc);
        let (seconds, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
        write!(out, "{seconds:>6}.{rest:09}  {:<8} {}", story.name(told.guest), told.event)?;
        match place(told.event).and_then(|at| names.describe(story, told.guest, at)) {
            Some(symbol) => writeln!(out, "  {symbol}")?,
            None => writeln!(out)?,
        }
    }
    for (&guest, count) in &story.lost {
        writeln!(out, "{count} events of {} were lost", story.name(guest))?;
    }
    Ok(())
}

/// Where in the Guest's code something happened or goes on.
pub fn place(event: Event) -> Option<u32> {
    match event {
        Event::Exit { eip, .. } | Event::Enter { eip } => Some(eip),
        Event::Inject { handler, .. } => Some(handler),
        Event::Start { entry } => Some(entry),
        Event::Hypercall { .. }
        | Event::Hypercalls { .. }
        | Event::Raise { .. }
        | Event::Slice { .. }
        | Event::Rest { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::tests::line;
    use monitor::symbols::Symbols;

    #[test]
    fn each_event_is_a_line_with_its_place() {
        let (story, names) =
            (Story::read(&line()).unwrap(), Names::new(Symbols::new(b"c0100000 T touch\n"), None));
        let mut out = Vec::new();
        tell(&story, &names, &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(lines[0], "     0.000005000  a        call   NOTIFY (0x1, 0x2)");
        assert_eq!(
            lines[3],
            "     0.000005100  a        exit   #PF kernel write 0x00001234 at 0xc0100004  touch+0x4"
        );
        assert_eq!(lines.last(), Some(&"3 events of b were lost"));
    }
}
