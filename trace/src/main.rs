//! Reads a trace that came over the second serial line.
//!
//! ```text
//!   bytes --story--> what happened, in order --> text      a line an event
//!                                            --> summary   where the exits came from, and what they cost
//!                                            --> chrome    JSON for ui.perfetto.dev and chrome://tracing
//! ```
//!
//! Usage: `kennel-trace text|summary|chrome TRACE [MAP [GUEST]]`; MAP is a `System.map`, or what
//! `nm -n` says of an ELF file, and is for all Guests if none is named. [`scripts/trace`](../../scripts/trace) calls it.
//!
//! Next on the tour: [`story`].

mod chrome;
mod names;
mod story;
mod summary;
mod text;

use std::process::ExitCode;
use std::{env, fs, io};

use names::Names;
use story::Story;

/// What it can make of a trace.
type Telling = fn(&Story, &Names<'_>, &mut dyn io::Write) -> io::Result<()>;

fn main() -> ExitCode {
    match run(&env::args().skip(1).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("kennel-trace: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[String]) -> Result<(), String> {
    let (how, trace, map, guest) = match words {
        [how, trace] => (how, trace, None, None),
        [how, trace, map] => (how, trace, Some(map), None),
        [how, trace, map, guest] => (how, trace, Some(map), Some(guest.as_str())),
        _ => return Err("use text, summary or chrome, a trace, and perhaps a map and whose it is".into()),
    };
    let telling: Telling = match how.as_str() {
        "text" => text::tell,
        "summary" => summary::tell,
        "chrome" => chrome::tell,
        other => return Err(format!("\"{other}\" is not text, summary or chrome")),
    };
    let read = |file: &String| fs::read(file).map_err(|why| format!("{file}: {why}"));
    let map = map.map(read).transpose()?.unwrap_or_default();
    let story = Story::read(&read(trace)?)?;
    if story.spoilt > 0 {
        eprintln!("kennel-trace: {} stretches of the line were no frames", story.spoilt);
    }
    match telling(&story, &Names::new(&map, guest), &mut io::BufWriter::new(io::stdout().lock())) {
        // Who reads has seen enough.
        Err(why) if why.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        told => told.map_err(|why| why.to_string()),
    }
}
