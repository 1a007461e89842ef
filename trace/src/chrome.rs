//! A trace as Chrome's trace events: JSON that ui.perfetto.dev and chrome://tracing open.
//!
//! A Guest is a process with three tracks: when it has the CPU, when it runs
//! and when the Host works for it, and what is put upon it.
//!
//! Source: "Trace Event Format", the Chromium project.
//!
//! Next on the tour: the end.

use std::io;

use kernel::trace::event::{Called, Event};
use serde_json::{Value, json};

use crate::names::Names;
use crate::story::{Story, Told, leaves};
use crate::text::place;

/// The tracks of a Guest.
const TRACKS: [(u8, &str); 3] = [(1, "slices"), (2, "Guest and Host"), (3, "interrupts")];

/// Tells all of it.
///
/// # Errors
/// Those of `out`.
pub fn tell(story: &Story, names: &Names<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let mut first = true;
    let mut put = |out: &mut dyn io::Write, event: Value| {
        let before = if core::mem::take(&mut first) {
            "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n"
        } else {
            ",\n"
        };
        // In one piece, for writing JSON does not like a reader that goes away.
        let event = event.to_string();
        write!(out, "{before}{event}")
    };
    for guest in story.guests() {
        let pid = u32::from(guest) + 1;
        let name = format!("guest {}", story.name(guest));
        put(out, json!({"ph": "M", "name": "process_name", "pid": pid, "args": {"name": name}}))?;
        for (tid, name) in TRACKS {
            put(
                out,
                json!({"ph": "M", "name": "thread_name", "pid": pid, "tid": tid, "args": {"name": name}}),
            )?;
        }
        let mut since = Since::default();
        for (told, spent) in story.of(guest) {
            for event in since.events(story, names, told, spent) {
                put(out, event)?;
            }
        }
    }
    if first {
        write!(out, "{{\"traceEvents\":[")?;
    }
    writeln!(out, "\n]}}")
}

/// What has begun and has not ended yet.
#[derive(Default)]
struct Since {
    entered: Option<u64>,
    slice: Option<u64>,
}

impl Since {
    /// What `told` adds to the tracks; the Host had the Guest for `spent` ticks.
    fn events(&mut self, story: &Story, names: &Names<'_>, told: Told, spent: Option<u64>) -> Vec<Value> {
        let micros = |nanos: u64| nanos as f64 / 1000.0;
        let pid = u32::from(told.guest) + 1;
        let at = |tsc: u64| micros(story.nanos(tsc));
        let text = told.event.to_string();
        let symbol = place(told.event).and_then(|at| names.describe(story, told.guest, at));
        let args = json!({"event": text, "at": symbol});
        let during = |tid: u8, name: &str, from: u64, ticks: u64| {
            let dur = micros(story.ticks_to_nanos(ticks));
            json!({"ph": "X", "name": name, "pid": pid, "tid": tid, "ts": at(from), "dur": dur, "args": args})
        };
        let ended = |since: &mut Option<u64>, tid, name| {
            since.take().map(|from| during(tid, name, from, told.tsc.wrapping_sub(from)))
        };
        match told.event {
            Event::Enter { .. } => {
                self.entered = Some(told.tsc);
                Vec::new()
            }
            Event::Slice { .. } => {
                self.slice = Some(told.tsc);
                Vec::new()
            }
            Event::Rest { .. } => ended(&mut self.slice, 1, "slice").into_iter().collect(),
            event if leaves(event) => {
                let ran = ended(&mut self.entered, 2, "Guest");
                let served = during(2, &name(event), told.tsc, spent.unwrap_or(0));
                ran.into_iter().chain([served]).collect()
            }
            event => {
                let name = name(event);
                vec![
                    json!({"ph": "i", "s": "t", "name": name, "pid": pid, "tid": 3, "ts": at(told.tsc), "args": args}),
                ]
            }
        }
    }
}

/// A short name, the same for what is alike.
fn name(event: Event) -> String {
    match event {
        Event::Hypercall { number, .. } => format!("call {}", Called(number)),
        Event::Hypercalls { number, count, .. } => format!("call {} x {count}", Called(number.into())),
        Event::Inject { vector, .. } => format!("inject {vector}"),
        Event::Raise { line } => format!("raise {line}"),
        Event::Exit { .. }
        | Event::Slice { .. }
        | Event::Rest { .. }
        | Event::Start { .. }
        | Event::Enter { .. } => event.word().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::tests::line;
    use monitor::symbols::Symbols;

    fn told(bytes: &[u8]) -> Value {
        let mut out = Vec::new();
        tell(&Story::read(bytes).unwrap(), &Names::new(Symbols::new(b"c0100000 T touch\n"), None), &mut out)
            .unwrap();
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn guest_and_host_alternate_on_their_track() {
        let told = told(&line());
        let events = told["traceEvents"].as_array().unwrap().iter();
        let track: Vec<_> = events.filter(|event| event["tid"] == 2 && event["ph"] == "X").collect();
        let brief =
            |event: &&Value| (event["name"].as_str().unwrap().to_owned(), event["ts"].as_f64().unwrap());
        let brief: Vec<_> = track.iter().map(brief).collect();
        assert_eq!(brief, [("call NOTIFY".into(), 5.0), ("Guest".into(), 5.01), ("page-fault".into(), 5.1)]);
        assert_eq!((track[2]["dur"].as_f64(), &track[2]["args"]["at"]), (Some(0.03), &json!("touch+0x4")));
    }

    #[test]
    fn an_empty_trace_is_still_json() {
        let clock = &line()[..];
        let clock = clock[..=clock.iter().position(|&byte| byte == 0).unwrap()].to_vec();
        assert_eq!(told(&clock)["traceEvents"], json!([]));
    }
}
