//! Blocks and names in the documents, compared with the files they are about.

use emulated::artefacts::root;

use super::pages::{Block, blocks, documents, quoted, text};

/// Blocks that no test can make; each says why.
const MOST_RECORDED: usize = 12;

#[test]
fn every_block_says_what_it_shows() {
    let kinds = ["from ", "session", "commands", "drawing", "recorded: "];
    let is_held = |block: &Block| kinds.iter().any(|kind| block.marked(kind).is_some());
    let others: Vec<_> =
        blocks().into_iter().filter(|block| !is_held(block)).map(|block| block.place).collect();
    assert!(others.is_empty(), "no mark before {others:#?}");
    let recorded = blocks().iter().filter(|block| block.marked("recorded: ").is_some()).count();
    assert!(recorded <= MOST_RECORDED, "{recorded} blocks are nobody's to check");
}

/// A drawing does not look like something that could have been checked.
#[test]
fn no_drawing_is_a_session() {
    for block in blocks().iter().filter(|block| block.marked("drawing").is_some()) {
        for line in &block.lines {
            let starts = ["host: ", "guest ", "$ ", "(gdb) ", "kennel> ", "demo> ", "scripts/"];
            assert!(!starts.iter().any(|start| line.starts_with(start)), "{}: {line}", block.place);
        }
    }
}

/// A line without its comment and without what depends on how it is indented.
fn bare(line: &str) -> String {
    let code = ["//", "#", ";"].iter().fold(line, |line, comment| match line.split_once(comment) {
        Some((code, _)) if code.is_empty() || code.ends_with(' ') => code,
        _ => line,
    });
    let words = code.split_whitespace().collect::<Vec<_>>().join(" ");
    words.trim_end_matches(',').trim_matches('"').trim_start().trim_end_matches([';', '\\']).trim_end().into()
}

#[test]
fn every_excerpt_is_in_the_file_it_names() {
    for block in blocks() {
        let Some(path) = block.marked("from ") else { continue };
        let source = text(path);
        let mut source = source.lines().map(bare);
        for line in block.lines.iter().map(|line| bare(line)).filter(|line| !line.is_empty() && line != "…")
        {
            assert!(source.any(|other| other == line), "{}: {path} has no (further) {line:?}", block.place);
        }
    }
}

#[test]
fn every_link_leads_to_a_file() {
    for document in documents() {
        let page = text(&document);
        let folder = root().join(&document).parent().expect("a document is in a directory").to_path_buf();
        for target in page.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().expect("there is a first part");
            let is_ours = !file.is_empty() && !file.starts_with("http");
            assert!(!is_ours || folder.join(file).exists(), "{}: {target}", document.display());
        }
    }
}

/// Names in backticks that begin like a path from the root. What a build or a run makes is not there yet.
#[test]
fn every_path_that_is_named_is_there() {
    let folders = [
        "abi/",
        "docs/",
        "examples/",
        "fuzz/",
        "grub/",
        "guest/",
        "kernel/",
        "lab/",
        "launcher-task/",
        "monitor/",
        "scripts/",
        "switcher/",
        "tests/",
        "trace/",
    ];
    for (place, name) in quoted() {
        let path = name.split(' ').next().expect("there is a first word");
        let is_path = folders.iter().any(|folder| path.starts_with(folder))
            && !path.contains(['*', '…', '<'])
            && !path.contains("TARGET");
        assert!(!is_path || root().join(path).exists(), "{place}: `{path}` is not there");
    }
}

/// The commands on a line: each script with the options behind it.
fn commands(line: &str) -> Vec<(String, Vec<String>)> {
    let line = line.split(" # ").next().expect("there is a first part");
    let parts = line.split(['|', ';', '&']).filter_map(|part| part.split_once("scripts/"));
    let is_typed = |before: &str| before.is_empty() || before.ends_with(' ');
    let named = parts.filter(|(before, _)| is_typed(before)).map(|(_, rest)| {
        let mut words = rest.split_whitespace();
        let name = words.next().unwrap_or_default().to_string();
        (
            name,
            words
                .take_while(|word| *word != "--")
                .filter(|word| word.starts_with('-'))
                .map(Into::into)
                .collect(),
        )
    });
    named.collect()
}

#[test]
fn every_script_that_is_typed_has_the_options_that_are_typed() {
    let in_blocks = blocks().into_iter().flat_map(|block| {
        let lines = block.lines.into_iter();
        lines.map(move |line| (block.place.clone(), line)).collect::<Vec<_>>()
    });
    for (place, line) in in_blocks.chain(quoted()) {
        for (name, options) in commands(&line) {
            let file = root().join("scripts").join(&name);
            if !file.is_file() {
                continue; // a file of another name: that is for another test
            }
            let script = text(format!("scripts/{name}"));
            let help: String = script.lines().take_while(|line| line.starts_with('#')).collect();
            for option in options {
                let option = option.trim_matches(['`', ',', '.', ':', '…', '\'', '"']);
                let is_there = help.split([' ', ',', '[', ']']).any(|word| word == option);
                assert!(is_there, "{place}: scripts/{name} knows no {option}");
            }
        }
    }
}

#[test]
fn the_options_in_the_readme_are_those_of_scripts_run() {
    let page = text("README.md");
    let help = text("scripts/run");
    let rows = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `--"))
        .filter_map(|row| row.split(['`', ' ']).next());
    let missing: Vec<_> = rows.filter(|row| !help.contains(&format!("#   --{row} "))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
