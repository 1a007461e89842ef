//! A boot module: where its bytes are, and what it is called.
//!
//! Next on the tour: [`crate::plan`].

use std::fs;
use std::path::{Path, PathBuf};

/// Longest name the Host takes.
const NAME_MAX: usize = 32;

/// A Guest that comes with Kennel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BuiltIn {
    /// The demo.
    Demo,
    /// The router.
    Router,
}

impl BuiltIn {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Demo, Self::Router];

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|each| each.name() == name)
    }

    /// Its name, and its program's.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Demo => "demo",
            Self::Router => "router",
        }
    }

    /// The package that has the program.
    pub const fn package(self) -> &'static str {
        match self {
            Self::Demo => "kennel-demo",
            Self::Router => "kennel-router",
        }
    }
}

/// Where a module's bytes are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// In a program of ours.
    BuiltIn(BuiltIn),
    /// In a file of the person's.
    File(PathBuf),
    /// In the demo's usual disk.
    Example,
}

/// One boot module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Module {
    /// What is copied to the medium.
    pub source: Source,
    /// The name it has there, in `/boot`.
    pub place: String,
    /// What it is for, in the Host's words.
    pub line: String,
    /// Whose it is, for messages.
    pub owner: String,
}

/// What is not a matter of each Guest alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Check {
    /// The Host shall judge the words: they are those of `--kernel` and its like.
    ByTheHost,
    /// The words are judged here.
    BeforeBoot,
}

/// A file that is there to be read.
pub fn readable(path: &str, role: &str, guest: &str) -> Result<Source, String> {
    let is_file = fs::metadata(path).is_ok_and(|data| data.is_file()) && fs::File::open(path).is_ok();
    let file = Path::new(path).to_path_buf();
    if is_file {
        return Ok(Source::File(fs::canonicalize(&file).unwrap_or(file)));
    }
    Err(format!("cannot read {path}, the {role} of guest {guest}"))
}

/// A name made of a path's last part.
pub fn after_file(path: &str) -> String {
    let name =
        Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    name.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).take(NAME_MAX).collect()
}

/// `name`, or the first of `name2`, `name3`, … that is not taken.
pub fn unused(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let numbered = (2..).map(|number| {
        let number = number.to_string();
        let len = name.len().min(NAME_MAX - number.len());
        format!("{}{number}", &name[..len])
    });
    let all = std::iter::once(name.to_string()).chain(numbered);
    all.into_iter().find(|name| !is_taken(name)).expect("numbers do not end")
}
