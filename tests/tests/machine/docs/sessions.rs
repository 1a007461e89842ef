//! Sessions in the documents are run, and have to print what they show.
//!
//! A block marked `session: COMMAND` shows what COMMAND prints; one marked `session` has its commands in
//! it, behind `$ `. They run in an empty directory in which `scripts/` and `target/` are those of the
//! project. `…` stands for lines that are left out, and what is typed at `(gdb)` is typed at it.
//!
//! With `KENNEL_UPDATE_DOCS=1` in the environment the numbers on the pages become those that were printed:
//! `KENNEL_UPDATE_DOCS=1 cargo test -p kennel-tests -- the_sessions`.

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use emulated::artefacts;
use emulated::scratch::Scratch;

use super::pages::{Block, blocks, text};
use super::shape::{has_same_words, is_alike};
use crate::scripts::TIME_LIMIT;

/// What GDB asks for, and what is typed behind it is no output.
const GDB: &str = "(gdb) ";

/// A directory in which the commands of the documents work.
fn directory() -> Scratch {
    let scratch = Scratch::new();
    let release = artefacts::host();
    artefacts::lab();
    let target = release.ancestors().nth(3).expect("it lies in target/TRIPLE/release");
    symlink(target, scratch.path("target")).unwrap();
    for name in ["run", "trace", "iso"] {
        let script = artefacts::root().join("scripts").join(name);
        let file = scratch
            .file(&format!("scripts/{name}"), format!("#!/bin/sh\nexec {} \"$@\"\n", script.display()));
        std::fs::set_permissions(file, PermissionsExt::from_mode(0o755)).unwrap();
    }
    scratch
}

/// Runs a command with `input` and returns the lines it prints.
fn lines_of(command: &str, input: &str, directory: &Path) -> Vec<String> {
    let file = directory.join("input");
    std::fs::write(&file, input).unwrap();
    let output = Command::new("timeout")
        .args([TIME_LIMIT, "bash", "-c", command])
        .current_dir(directory)
        .stdin(Stdio::from(std::fs::File::open(file).unwrap()))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).replace('\r', "").replace(GDB, "");
    let lines: Vec<String> = text.lines().filter(|line| !line.trim().is_empty()).map(Into::into).collect();
    if lines.is_empty() {
        println!("{command}\n{}", String::from_utf8_lossy(&output.stderr));
    }
    lines
}

/// A command of a session, what is typed at GDB, and what it shows.
type Step<'a> = (&'a str, Vec<&'a str>, Vec<&'a str>);

fn steps(block: &Block) -> Vec<Step<'_>> {
    let mut steps: Vec<Step<'_>> = Vec::new();
    if let Some(command) = block.marked("session: ") {
        steps.push((command, Vec::new(), Vec::new()));
    }
    for line in block.lines.iter().filter(|line| !line.trim().is_empty()) {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push((command, Vec::new(), Vec::new()));
            continue;
        }
        let (_, typed, shown) = steps.last_mut().unwrap_or_else(|| panic!("{}: no command", block.place));
        match line.strip_prefix(GDB) {
            Some(words) => typed.push(words),
            None => shown.push(line),
        }
    }
    steps
}

/// The lines of `printed` that `shown` shows, one after the other except at `…`. Panics if one is not there.
#[track_caller]
fn lines_shown<'a>(place: &str, shown: &[&str], printed: &'a [String]) -> Vec<&'a str> {
    let (mut at, mut may_skip, mut lines) = (0, true, Vec::new());
    for line in shown {
        if *line == "…" {
            (may_skip, _) = (true, lines.push("…"));
            continue;
        }
        let rest = &printed[at..];
        let found = rest.iter().position(|other| is_alike(line, other));
        let found =
            found.or_else(|| rest.iter().position(|other| is_update() && has_same_words(line, other)));
        let next = found.filter(|&steps| may_skip || steps == 0);
        let next = next.unwrap_or_else(|| {
            panic!("{place} shows:\n{line}\nwhich is not (or not next) in:\n{}", printed[at..].join("\n"))
        });
        lines.push(&printed[at + next]);
        (at, may_skip) = (at + next + 1, false);
    }
    lines
}

/// Whether the numbers in the documents are to be made those of now.
fn is_update() -> bool {
    std::env::var_os("KENNEL_UPDATE_DOCS").is_some()
}

/// Runs all sessions of a document; blocks that name the same command share its run.
#[track_caller]
fn sessions_of(document: &str) {
    let (directory, mut ran) = (directory(), BTreeMap::new());
    let (prefix, mut page, mut at) = (format!("{document}:"), text(document), 0);
    for block in blocks().iter().filter(|block| block.place.starts_with(&prefix)) {
        if block.marked("session").is_none() {
            continue;
        }
        for (command, typed, shown) in steps(block) {
            let run = || lines_of(command, &typed.join("\n"), &directory.path(""));
            let printed: &mut Vec<String> = ran.entry(command.to_string()).or_insert_with(run);
            for (shown, printed) in shown.iter().zip(lines_shown(&block.place, &shown, printed)) {
                at += page[at..].find(&format!("\n{shown}\n")).expect("the block is on the page") + 1;
                page.replace_range(at..at + shown.len(), printed);
            }
        }
    }
    if is_update() {
        std::fs::write(artefacts::root().join(document), page).unwrap();
    }
}

macro_rules! documents {
    ($($name:ident: $path:literal),*) => {
        $(#[test] fn $name() { sessions_of($path); })*
        const DOCUMENTS: &[&str] = &[$($path),*];
    };
}

documents! {
    the_sessions_of_the_readme: "README.md",
    the_sessions_of_debugging: "docs/debugging.md",
    the_sessions_of_chapter_1: "docs/tour/1-preparation.md",
    the_sessions_of_chapter_2: "docs/tour/2-guest.md",
    the_sessions_of_chapter_3: "docs/tour/3-drivers.md",
    the_sessions_of_chapter_6: "docs/tour/6-switcher.md"
}

#[test]
fn every_document_with_sessions_is_run() {
    for block in blocks().iter().filter(|block| block.marked("session").is_some()) {
        let document = block.place.split(':').next().expect("there is a first part");
        assert!(DOCUMENTS.contains(&document), "nobody runs {}", block.place);
    }
}
