//! The documents tell the truth: what they name as proof is there, no proof of a killed Guest is left
//! out, and what they show is what files contain and machines print.
//!
//! Next on the tour: [`pages`].

mod excerpts;
mod figures;
mod pages;
mod sessions;
mod shape;

use std::fs;
use std::path::Path;

/// Documents whose tables name tests in their last column.
const TABLES: [&str; 2] = ["docs/abi.md", "docs/weaknesses.md"];

const GUESTS: &str = "guest/tests/src/bin";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the project")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

/// The Rust sources under `directory`, as one text.
fn sources(directory: &Path) -> String {
    let entries = fs::read_dir(directory).unwrap_or_else(|why| panic!("{}: {why}", directory.display()));
    let paths = entries.map(|entry| entry.expect("the directory is readable").path());
    let text = paths.filter_map(|path| match path.extension() {
        Some(kind) if kind == "rs" => Some(read(&path)),
        None if path.is_dir() => Some(sources(&path)),
        _ => None,
    });
    text.collect()
}

/// Words in backticks in the last column of a document's tables that look like names of tests.
fn named(document: &str) -> Vec<String> {
    let rows = document.lines().filter(|line| line.starts_with('|'));
    let cells = rows.filter_map(|row| row.trim_end_matches('|').rsplit_once("| ")).map(|(_, cell)| cell);
    let words = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let is_name = |word: &&str| {
        word.contains('_') && word.chars().all(|each| matches!(each, 'a'..='z' | '0'..='9' | '_'))
    };
    words.filter(is_name).map(Into::into).collect()
}

/// The names of the programs in `directory`.
fn programs(directory: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(directory)).expect("there are programs");
    let paths = entries.map(|entry| entry.expect("the directory is readable").path());
    paths.map(|path| path.file_stem().expect("it is a file").to_string_lossy().into_owned()).collect()
}

#[test]
fn every_test_the_documents_name_is_there() {
    let folders = ["abi", "kernel", "launcher-task", "switcher", "guest", "tests"];
    let text: String = folders.iter().map(|folder| sources(&root().join(folder))).collect();
    let programs = [programs(GUESTS), programs("fuzz/fuzz_targets")].concat();
    for table in TABLES {
        let names = named(&read(&root().join(table)));
        assert!(names.len() > 30, "{table} names {} tests", names.len());
        let is_there = |name: &&String| programs.contains(name) || text.contains(&format!("fn {name}("));
        let missing: Vec<_> = names.iter().filter(|name| !is_there(name)).collect();
        assert!(missing.is_empty(), "{table} names what is not there: {missing:?}");
    }
}

#[test]
fn every_guest_that_must_be_killed_is_in_the_table_of_bad_input() {
    let named = named(&read(&root().join(TABLES[0])));
    let is_missing = |guest: &String| guest.starts_with("kill_") && !named.contains(guest);
    let missing: Vec<_> = programs(GUESTS).into_iter().filter(is_missing).collect();
    assert!(missing.is_empty(), "{} has no row for {missing:?}", TABLES[0]);
}
