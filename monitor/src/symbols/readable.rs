//! Names as people read them: demangled, of a bounded length, without control characters.
//!
//! A compiler writes a Rust path as one word with a hash at its end; here it is
//! a path again, and the hash is gone. What is no such word stays as it is.
//!
//! Invariants:
//! - No name is longer than `LONGEST` and a few letters, whatever the file says
//!   (`a_name_without_end_is_cut`).
//!
//! Next on the tour: [`crate::registers`].

use alloc::string::String;
use core::fmt::{self, Write};

use rustc_demangle::try_demangle;

/// Letters of a name at most.
const LONGEST: usize = 160;

/// A name for people.
pub fn readable(name: &str) -> String {
    let mut short = Short(String::new());
    let is_whole = match try_demangle(name) {
        Ok(path) => write!(short, "{path:#}"),
        Err(_) => short.write_str(name),
    };
    if is_whole.is_err() {
        short.0.push_str("...");
    }
    short.0
}

/// Whether `written` is how a person may write `name`: as it is in the file, or as it is shown.
pub fn is_called(name: &str, written: &str) -> bool {
    let is_demangled = || {
        let mut rest = Rest(written);
        try_demangle(name).is_ok_and(|path| write!(rest, "{path:#}").is_ok() && rest.0.is_empty())
    };
    name == written || is_demangled()
}

/// Text that ends where it would become too long.
struct Short(String);

impl Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for letter in text.chars() {
            if self.0.len() >= LONGEST {
                return Err(fmt::Error);
            }
            match letter.is_control() {
                true => letter.escape_default().for_each(|escaped| self.0.push(escaped)),
                false => self.0.push(letter),
            }
        }
        Ok(())
    }
}

/// What is left of a word when what is written is taken from its beginning.
struct Rest<'a>(&'a str);

impl Write for Rest<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = self.0.strip_prefix(text).ok_or(fmt::Error)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEGACY: &str = "_ZN3kit7console9read_line17h6328b0e82a5ba5f9E";

    #[test]
    fn a_path_is_a_path_again() {
        assert_eq!(readable(LEGACY), "kit::console::read_line");
        assert_eq!(readable("_RNvCskwGfYPst2Cb_3foo16example_function"), "foo::example_function");
        assert_eq!((readable("startup_32"), readable("_ZN")), ("startup_32".into(), "_ZN".into()));
    }

    #[test]
    fn a_name_is_found_as_it_is_shown_and_as_it_is_stored() {
        assert!(is_called(LEGACY, LEGACY) && is_called(LEGACY, "kit::console::read_line"));
        for written in ["kit::console::read", "kit::console::read_lines", "", "read_line"] {
            assert!(!is_called(LEGACY, written), "{written}");
        }
    }

    #[test]
    fn a_name_without_end_is_cut() {
        let long = readable(&"a".repeat(100_000));
        assert!(long.len() < 200 && long.ends_with("a..."), "{long}");
        assert_eq!(readable("bell\u{7}\u{1b}[2J"), "bell\\u{7}\\u{1b}[2J");
    }
}
