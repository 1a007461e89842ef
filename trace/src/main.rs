//! Reads a trace that came over the second serial line.
//!
//! ```text
//!   bytes --story--> what happened, in order --> text      a line an event
//!                                            --> summary   where the exits came from, and what they cost
//!                                            --> chrome    JSON for ui.perfetto.dev and chrome://tracing
//! ```
//!
//! Usage: `kennel-trace text|summary|chrome TRACE [SYMBOLS [GUEST]]`; SYMBOLS is an ELF file, a
//! `System.map` or what `nm` prints, and is for all Guests if none is named.
//! [`scripts/trace`](../../scripts/trace) calls it.
//!
//! Next on the tour: [`story`].

mod chrome;
mod names;
mod story;
mod summary;
mod text;

use std::process::ExitCode;
use std::{env, fs, io};

use monitor::symbols::Symbols;
use names::Names;
use story::Story;

/// The exit code if a file is not what it should be, or the words are not.
const BAD_INPUT: u8 = 2;

/// What it can make of a trace.
type Telling = fn(&Story, &Names<'_>, &mut dyn io::Write) -> io::Result<()>;

fn main() -> ExitCode {
    match run(&env::args().skip(1).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("kennel-trace: {why}");
            ExitCode::from(BAD_INPUT)
        }
    }
}

fn run(words: &[String]) -> Result<(), String> {
    let (how, trace, file, guest) = match words {
        [how, trace] => (how, trace, None, None),
        [how, trace, symbols] => (how, trace, Some(symbols), None),
        [how, trace, symbols, guest] => (how, trace, Some(symbols), Some(guest.as_str())),
        _ => {
            return Err("use text, summary or chrome, a trace, and perhaps symbols and whose they are".into());
        }
    };
    let telling: Telling = match how.as_str() {
        "text" => text::tell,
        "summary" => summary::tell,
        "chrome" => chrome::tell,
        other => return Err(format!("\"{other}\" is not text, summary or chrome")),
    };
    let read = |file: &String| fs::read(file).map_err(|why| format!("{file}: {why}"));
    let brought = file.map(|file| Ok::<_, String>((file, read(file)?))).transpose()?;
    let symbols = match &brought {
        None => Symbols::default(),
        Some((file, bytes)) => Symbols::admit(bytes).map_err(|why| format!("{file}: {why}"))?,
    };
    let story = Story::read(&read(trace)?).map_err(|why| format!("{trace}: {why}"))?;
    if story.spoilt > 0 {
        eprintln!("kennel-trace: {} stretches of the line were no frames", story.spoilt);
    }
    match telling(&story, &Names::new(symbols, guest), &mut io::BufWriter::new(io::stdout().lock())) {
        // Who reads has seen enough.
        Err(why) if why.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
        told => told.map_err(|why| why.to_string())?,
    }
    match story.is_cut_off {
        true => Err(format!("{trace}: the trace ends in the middle of a frame; all before it was read")),
        false => Ok(()),
    }
}
