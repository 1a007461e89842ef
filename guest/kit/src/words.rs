//! Command lines, cut into words.
//!
//! Invariants: `spaces_make_no_words`, `a_value_follows_its_equals_sign`.
//!
//! Next on the tour: [`crate::line`].

/// The words of `line`, without the spaces.
pub fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split_ascii_whitespace()
}

/// The value of `name=value` in `line`, if that word is there.
pub fn value<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    words(line).find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}

/// The first word of `line` and what follows it.
pub fn split_first(line: &str) -> (&str, &str) {
    let line = line.trim();
    line.split_once(' ').map_or((line, ""), |(first, rest)| (first, rest.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_make_no_words() {
        assert_eq!(words("  a  b ").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(words("   ").count(), 0);
    }

    #[test]
    fn a_value_follows_its_equals_sign() {
        assert_eq!(value("quiet way=gate", "way"), Some("gate"));
        assert_eq!(value("ways=gate way", "way"), None);
    }

    #[test]
    fn the_rest_of_a_line_starts_at_its_own_first_word() {
        assert_eq!(split_first(" echo   two  words "), ("echo", "two  words"));
        assert_eq!(split_first(""), ("", ""));
    }
}
