//! A list of symbols as `nm` prints it, and as Linux's `System.map` is.
//!
//! ```text
//!   c0100000 T startup_32                    what nm prints, in any order; with -n by address
//!   c0100000 0000001c T startup_32           with sizes, -S
//!   a.o:c0100000 T startup_32                with the file's name, -A
//!            U missing                       one that has no address
//!   startup_32 T c0100000 1c                 as POSIX wants it, -P
//!   startup_32 |c0100000| T | FUNC|...       a table, -f sysv
//! ```
//!
//! A name may have spaces in it, if it was demangled (-C).
//!
//! Next on the tour: [`mod@super::readable`].

/// What a line of a list is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Line<'a> {
    /// A name for an address.
    Symbol(u32, &'a str),
    /// Nothing that has an address below 4 GiB: empty, a heading, a symbol of another file.
    Other,
    /// Nothing that `nm` prints.
    Noise,
}

impl<'a> Line<'a> {
    /// Reads a line, without its end.
    pub fn read(line: &'a str) -> Self {
        let line = line.trim_end();
        let is_heading = line.ends_with(':') || line.starts_with("Name ") && line.ends_with("Section");
        if line.is_empty() || is_heading {
            return Self::Other;
        }
        table(line).or_else(|| by_address(line)).or_else(|| by_name(line)).unwrap_or(Self::Noise)
    }
}

/// `c0100000 T name`, perhaps with a size or a file's name, or without an address.
fn by_address(line: &str) -> Option<Line<'_>> {
    let line = line.trim_start();
    let (first, rest) = line.split_once(char::is_whitespace)?;
    if is_kind(first) && matches!(first, "U" | "w" | "v") {
        return Some(Line::Other);
    }
    let at = first.rsplit_once(':').map_or(first, |(_file, at)| at);
    if at.is_empty() {
        return by_address(rest);
    }
    let rest = rest.trim_start();
    let (second, behind) = rest.split_once(char::is_whitespace)?;
    let name = if is_kind(second) {
        behind
    } else {
        let (kind, name) = behind.trim_start().split_once(char::is_whitespace)?;
        (is_address(second) && is_kind(kind)).then_some(name)?
    };
    // A name in front of a kind and an address is by name.
    let is_by_name = !is_whole(at) && is_kind(second) && is_whole(name.split(' ').next()?);
    if is_by_name || !is_address(at) {
        return None;
    }
    Some(symbol(at, name))
}

/// `name T c0100000 1c`.
fn by_name(line: &str) -> Option<Line<'_>> {
    let mut words = line.rsplit(' ').filter(|word| !word.is_empty());
    let (last, before) = (words.next()?, words.next()?);
    if matches!(last, "U" | "w" | "v") {
        return Some(Line::Other);
    }
    let (at, kind) = match is_kind(before) {
        true => (last, before),
        false => (before, words.next()?),
    };
    if !is_kind(kind) {
        return None;
    }
    let is_sound = is_address(at) && is_address(last);
    let name = line.get(..line.rfind(&alloc::format!(" {kind} {at}"))?)?;
    is_sound.then(|| symbol(at, name))
}

/// `name |c0100000| T | ...`.
fn table(line: &str) -> Option<Line<'_>> {
    let mut cells = line.rsplitn(7, '|');
    let (name, at) = (cells.nth(6), line.rsplit('|').nth(5)?);
    let at = at.trim();
    match is_address(at) {
        true => Some(symbol(at, name?.trim())),
        false => (at.is_empty() && name.is_some()).then_some(Line::Other),
    }
}

fn symbol<'a>(at: &str, name: &'a str) -> Line<'a> {
    // Behind a tab there is the module, or the line of the source.
    let name = name.split('\t').next().unwrap_or_default().trim();
    match u64::from_str_radix(at, 16).ok().and_then(|at| u32::try_from(at).ok()) {
        Some(at) if !name.is_empty() => Line::Symbol(at, name),
        Some(_) | None => Line::Other,
    }
}

fn is_address(word: &str) -> bool {
    (1..=16).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// An address with all its digits, as `nm` prints one.
fn is_whole(word: &str) -> bool {
    is_address(word) && matches!(word.len(), 8 | 16)
}

/// One letter, as `nm` has for what a symbol is.
fn is_kind(word: &str) -> bool {
    word.len() == 1 && word.bytes().all(|byte| byte.is_ascii_alphabetic() || b"?-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Line::{Noise, Other, Symbol};
    use proptest::prelude::*;

    const AT: u32 = 0xC010_0000;

    #[test]
    fn every_form_that_nm_prints_is_read() {
        for line in [
            "c0100000 T start",
            "c0100000 0000001c T start",
            "00000000c0100000 t start",
            "a.out:c0100000 T start",
            "start T c0100000 1c",
            "start T c0100000 ",
            "start               |c0100000|   T  |              FUNC|0000001c|     |.text",
            "c0100000 T start\t[module]",
            "c0100000 T start\tsrc/main.rs:8",
            "c0100000 T start\r",
        ] {
            assert_eq!(Line::read(line), Symbol(AT, "start"), "{line}");
        }
        assert_eq!(Line::read("1000 T start"), Symbol(0x1000, "start"));
        assert_eq!(Line::read("add T c0100000"), Symbol(AT, "add"));
        assert_eq!(Line::read("c0100000 t <A as B>::do it"), Symbol(AT, "<A as B>::do it"));
        assert_eq!(Line::read("<A as B>::do it t c0100000 8"), Symbol(AT, "<A as B>::do it"));
    }

    #[test]
    fn what_has_no_address_is_passed_over() {
        for line in ["", "         U missing", "a.out:         U missing", "missing U ", "demo:", "  w weak"]
        {
            assert_eq!(Line::read(line), Other, "{line}");
        }
        let heading = "Name                  Value   Class        Type         Size     Line  Section";
        let missing = "missing             |        |   U  |            NOTYPE|        |     |*UND*";
        assert_eq!((Line::read(heading), Line::read(missing)), (Other, Other));
        assert_eq!(Line::read("ffffffff81000000 T start"), Other, "of a kernel of 64 bits");
    }

    #[test]
    fn other_text_is_noise() {
        for line in ["# a comment", "set default=0", "c0100000", "c0100000 T", "start", "c01 0000 start", "|"]
        {
            assert_eq!(Line::read(line), Noise, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_survived(any in "\\PC{0,60}", like in "([0-9a-f]{0,9}|[a-z]{1,4})( [TtU|]){0,2} ?[a-z0-9|]{0,9}") {
            for line in [&any, &like] {
                if let Symbol(_, name) = Line::read(line) {
                    prop_assert!(!name.is_empty());
                }
            }
        }
    }
}
