//! What a Guest, a disk or a network may be called.
//!
//! Next on the tour: [`super::module_line`].

/// Longest name of a Guest.
const NAME_MAX: usize = 32;

/// A name stands between `guest ` and `:` in the log, so it has neither blanks nor colons.
pub(super) fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(is_plain)
}
