//! Places: addresses as people write them.
//!
//! ```text
//!   c0103dc2   0x1000   esp   ebp+8   start_kernel   start_kernel+1f
//! ```
//!
//! A word is a register, a symbol, or a hexadecimal number, in this order; a
//! number that looks like a symbol (`add`) can be written with 0x. What is
//! behind a plus or minus is hexadecimal too.
//!
//! Next on the tour: [`crate::symbols`].

use crate::symbols::Symbols;

/// A place, in words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place<'a> {
    /// A register, a symbol or a number.
    base: &'a str,
    /// What is added to it.
    offset: u32,
}

impl<'a> Place<'a> {
    /// Splits a word into base and offset; `None` if there is none, or the offset is no number.
    pub fn admit(word: &'a str) -> Option<Self> {
        let Some(sign) = word.rfind(['+', '-']) else {
            return (!word.is_empty()).then_some(Self { base: word, offset: 0 });
        };
        let (base, behind) = word.split_at(sign);
        let offset = number(&behind[1..])?;
        let is_minus = behind.starts_with('-');
        let offset = if is_minus { offset.wrapping_neg() } else { offset };
        (!base.is_empty()).then_some(Self { base, offset })
    }

    /// The word itself, without its offset.
    pub const fn base(&self) -> &'a str {
        self.base
    }

    /// The address, if the base means anything; `register` knows those by name.
    pub fn resolve(&self, register: impl Fn(&str) -> Option<u32>, symbols: &Symbols<'_>) -> Option<u32> {
        let named = register(self.base.strip_prefix('$').unwrap_or(self.base));
        let base = named.or_else(|| symbols.find(self.base)).or_else(|| number(self.base))?;
        Some(base.wrapping_add(self.offset))
    }
}

/// A hexadecimal number, with or without 0x.
fn number(word: &str) -> Option<u32> {
    let digits = word.strip_prefix("0x").unwrap_or(word);
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u32::from_str_radix(digits, 16).ok().filter(|_| is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(word: &str) -> Option<u32> {
        let register = |name: &str| (name == "esp").then_some(0x8000);
        Place::admit(word)?.resolve(register, &Symbols::new(b"c0100000 T add\n"))
    }

    #[test]
    fn a_place_is_a_register_a_symbol_or_a_number() {
        assert_eq!((resolve("esp"), resolve("$esp")), (Some(0x8000), Some(0x8000)));
        assert_eq!((resolve("add"), resolve("0xadd")), (Some(0xC010_0000), Some(0xADD)));
        assert_eq!((resolve("c0"), resolve("0xC0")), (Some(0xC0), Some(0xC0)));
    }

    #[test]
    fn offsets_are_added_or_taken_away() {
        assert_eq!((resolve("esp+10"), resolve("add-1")), (Some(0x8010), Some(0xC00F_FFFF)));
        assert_eq!(resolve("0-1"), Some(u32::MAX), "as addresses are");
    }

    #[test]
    fn other_words_are_none() {
        for word in ["", "0x", "esp+", "+8", "nobody", "123456789", "esp+g", "+-1"] {
            assert_eq!(resolve(word), None, "{word}");
        }
    }
}
