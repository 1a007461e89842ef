//! The documents, taken apart: fenced blocks with their marks, and what is in backticks.
//!
//! A mark is an HTML comment on the line before a block, which a reader does not see. It says what the
//! block shows, and so what a test holds it to:
//!
//! | mark | the block shows |
//! |---|---|
//! | `from PATH` | lines of that file, in their order; `…` stands for some that are left out |
//! | `session NAME` | what a session prints, of those in [`super::sessions`] |
//! | `commands` | what a person types |
//! | `drawing` | something no file or machine contains |
//! | `recorded: WHY` | what a machine printed that no test has: WHY says which |

use std::fs;
use std::path::{Path, PathBuf};

use emulated::artefacts::root;

/// A fenced block.
#[derive(Debug)]
pub struct Block {
    /// Where it is: document and line.
    pub place: String,
    /// What the comment before it says, if there is one.
    pub mark: Option<String>,
    /// Its lines.
    pub lines: Vec<String>,
}

impl Block {
    /// What follows `kind` in the mark.
    pub fn marked(&self, kind: &str) -> Option<&str> {
        self.mark.as_deref()?.strip_prefix(kind).map(str::trim)
    }
}

/// All documents of the project, by their paths from its root.
pub fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left =
        ["", "docs", "docs/tour", "docs/decisions", "fuzz", "iso", "examples"].map(PathBuf::from).to_vec();
    while let Some(directory) = left.pop() {
        let entries = root().join(&directory).read_dir().expect("it is a directory of the project");
        let names = entries.map(|entry| entry.expect("it can be read").file_name());
        let pages = names.filter(|name| Path::new(name).extension().is_some_and(|kind| kind == "md"));
        found.extend(pages.map(|name| directory.join(name)));
    }
    found.sort();
    found
}

/// The text of a file of the project.
#[track_caller]
pub fn text(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

/// The fenced blocks of all documents.
pub fn blocks() -> Vec<Block> {
    documents()
        .iter()
        .flat_map(|document| blocks_of(&document.display().to_string(), &text(document)))
        .collect()
}

fn blocks_of(document: &str, text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let (mut is_inside, mut before) = (false, "");
    for (number, line) in text.lines().enumerate() {
        let is_fence = line.trim_start().starts_with("```");
        if is_fence && !is_inside {
            let mark = before.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"));
            let place = format!("{document}:{}", number + 1);
            blocks.push(Block { place, mark: mark.map(Into::into), lines: Vec::new() });
        } else if let Some(block) = blocks.last_mut().filter(|_| is_inside && !is_fence) {
            block.lines.push(line.into());
        }
        is_inside ^= is_fence;
        before = line;
    }
    blocks
}

/// Everything in backticks outside of fenced blocks, with the place it is at.
pub fn quoted() -> Vec<(String, String)> {
    documents()
        .iter()
        .flat_map(|document| quoted_in(&document.display().to_string(), &text(document)))
        .collect()
}

fn quoted_in(document: &str, text: &str) -> Vec<(String, String)> {
    let mut is_inside = false;
    let mut prose = String::new();
    for line in text.lines() {
        let is_fence = line.trim_start().starts_with("```");
        is_inside ^= is_fence;
        if !is_inside && !is_fence {
            prose += line;
        }
        prose.push('\n');
    }
    let mut line = 1;
    let parts = prose.split('`').enumerate().map(|(index, part)| {
        let place = format!("{document}:{line}");
        line += part.matches('\n').count();
        (index % 2 == 1, place, part.split_whitespace().collect::<Vec<_>>().join(" "))
    });
    parts.filter(|(is_quoted, ..)| *is_quoted).map(|(_, place, part)| (place, part)).collect()
}

#[test]
fn a_block_has_its_lines_and_the_mark_before_it() {
    let text = "a\n<!-- drawing -->\n```text\nx\n\ny\n```\nb `c\nd`\n```\nz\n```\n";
    let blocks = blocks_of("d", text);
    assert_eq!(blocks[0].marked("drawing"), Some(""));
    assert_eq!((blocks[0].lines.join("|"), blocks[0].place.as_str()), ("x||y".into(), "d:3"));
    assert_eq!((&blocks[1].mark, &blocks[1].lines), (&None, &vec!["z".to_string()]));
    assert_eq!(quoted_in("d", text), [("d:8".into(), "c d".into())]);
}
