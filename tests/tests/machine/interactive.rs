//! The sessions that documents show, typed once more and compared.
//!
//! Addresses, counts and times differ from build to build and from machine to machine, so a number is
//! compared with a number, and a name with an offset with another one. `...` stands for anything.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use emulated::scratch::Scratch;
use emulated::{Boot, Gdb, Qemu, artefacts};

use crate::demo::PROMPT;

/// What the monitor says when it is ready.
const READY: &str = "kennel> ";
/// How a line begins that tells what happens in the other terminal, ...
const ASIDE: &str = "                    ";
/// ... and what comes before what is typed there.
const OTHER: &str = "demo> ";

/// The blocks of code of a document behind a heading, up to the next heading.
fn blocks(document: &str, heading: &str) -> Vec<String> {
    let text = fs::read_to_string(artefacts::root().join(document)).expect("the document is there");
    let (_, behind) = text.split_once(&format!("\n{heading}\n")).expect("the heading is there");
    let section = behind.split("\n#").next().unwrap_or_default();
    section.split("```").skip(1).step_by(2).map(|block| block.trim_start_matches("text").into()).collect()
}

/// A line without what may differ: numbers, names with offsets, how many spaces.
fn shape(line: &str) -> String {
    let is_number = |part: &str| {
        part.chars().any(|c| c.is_ascii_digit())
            && part.chars().all(|c| c.is_ascii_hexdigit() || "x.".contains(c))
    };
    let shape_of_word = |word: &str| {
        if word.contains("+0x") {
            return "NAME".to_owned();
        }
        let parts = word.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && c != '.');
        let parts = parts.map(|part| {
            let core = part.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
            if is_number(core) { part.replacen(core, "#", 1) } else { part.to_owned() }
        });
        parts.collect()
    };
    // Whether it has just been woken is chance.
    let line = line.replace("sleeps", "runs");
    line.split_whitespace().map(shape_of_word).collect::<Vec<String>>().join(" ")
}

/// Whether `line` is what the document has, `...` being anything.
fn is_like(line: &str, document: &str) -> bool {
    let (line, wanted) = (shape(line), shape(&document.replace("<...>", "...")));
    let mut parts = wanted.split("...").map(str::trim);
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut is_open = false;
    for part in parts {
        is_open = true;
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    is_open || rest.is_empty()
}

/// The lines of `wanted` are in `answer`, in this order.
#[track_caller]
fn compare(command: &str, answer: &str, wanted: &[&str]) {
    let mut lines = answer.lines();
    for wanted in wanted {
        let is_there = lines.by_ref().any(|line| is_like(line, wanted));
        assert!(is_there, "{command}: no line like {wanted:?} in\n{answer}");
    }
}

/// What a session says: each command, and the lines behind it.
fn steps<'a>(session: &'a str, prompt: &str) -> Vec<(&'a str, Vec<&'a str>)> {
    let mut steps: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in session.lines().filter(|line| !line.trim().is_empty()) {
        match (line.strip_prefix(prompt), steps.last_mut()) {
            (Some(command), _) => steps.push((command, Vec::new())),
            (None, Some((_, answer))) => answer.push(line),
            (None, None) => {}
        }
    }
    steps
}

#[test]
fn the_monitors_session_is_as_the_document_has_it() {
    let mut session = Qemu::kernel(&Boot::guest("demo", "")).start();
    session.wait_for(PROMPT);
    session.send("\x01m");
    session.wait_for(READY);
    for block in blocks("docs/debugging.md", "### A session") {
        for (command, wanted) in steps(&block, READY) {
            session.send(&format!("{command}\n"));
            compare(command, &session.wait_for(READY), &wanted);
        }
    }
    session.send("kill\n");
    session.finish();
}

#[test]
fn the_scripts_session_is_as_the_document_has_it() {
    let scratch = Scratch::new();
    let socket = scratch.path("second");
    let mut boot = Boot::guest("demo", "");
    boot.options += " com2=monitor";
    let mut session = Qemu::kernel(&boot).second_line_at(&socket).start();
    session.wait_for(PROMPT);
    let mut line = UnixStream::connect(&socket).unwrap();
    let mut replies = BufReader::new(line.try_clone().unwrap()).lines();
    let block = &blocks("docs/debugging.md", "### For scripts")[0];
    let lines: Vec<&str> = block.lines().filter(|line| !line.is_empty()).collect();
    for pair in lines.chunks(2) {
        writeln!(line, "{}", pair[0]).unwrap();
        compare(pair[0], &replies.next().unwrap().unwrap(), &pair[1..]);
    }
    writeln!(line, "kill").unwrap();
    session.finish();
}

#[test]
fn gdbs_session_is_as_the_document_has_it() {
    let scratch = Scratch::new();
    let socket = scratch.path("gdb");
    let mut boot = Boot::guest("demo", "");
    boot.options += " com2=gdb";
    let mut session = Qemu::kernel(&boot).second_line_at(&socket).start();
    session.wait_for(PROMPT);
    let mut gdb = Gdb::start(&artefacts::guest("demo"));
    let blocks = blocks("docs/gdb.md", "## A session");
    // The second one goes on where the first has stopped, with the person's next word.
    for (command, wanted) in blocks.iter().flat_map(|block| steps(block, "(gdb) ")) {
        let command = if command.starts_with("target remote") {
            format!("target remote {}", socket.display())
        } else {
            command.to_owned()
        };
        let (others, wanted): (Vec<&str>, Vec<&str>) =
            wanted.iter().partition(|line| line.starts_with(ASIDE));
        gdb.go(&command);
        for line in others {
            match line.split_once(OTHER) {
                Some((_, typed)) => session.send(&format!("{}\n", typed.trim())),
                None => {
                    session.wait_for(line.trim().trim_end_matches("..."));
                }
            }
        }
        compare(&command, &gdb.stopped(), &wanted);
    }
    gdb.vanish();
    drop(session);
}

#[test]
fn lines_are_compared_by_their_shape() {
    assert!(is_like("eip c010c72a  ring 1  demo::serve+0x1", "eip c0101111  ring 1  kit::read+0x539"));
    assert!(is_like("* 1    Thread 1.1 (demo) 0x1 in x ()", "* 1    Thread 1.1 (demo) ..."));
    assert!(!is_like("guest demo: paused", "guest demo: resumed"));
    assert!(!is_like("halted", "halted, too"));
}
