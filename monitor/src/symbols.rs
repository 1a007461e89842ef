//! Symbols: names for a Guest's addresses, from the map its kernel was linked with.
//!
//! A map is text, an address, a kind and a name on each line, ordered by
//! address as `nm -n` does it and Linux's `System.map` is. It stays where the
//! loader put it; a name is looked for when somebody asks.
//!
//! Invariants:
//! - A line that is none is passed over (`noise_has_no_symbols`).
//!
//! Next on the tour: [`crate::registers`].

use alloc::format;
use alloc::string::String;

/// A Guest's symbols, none if nobody brought any.
#[derive(Clone, Copy, Debug, Default)]
pub struct Symbols<'a>(&'a [u8]);

impl<'a> Symbols<'a> {
    /// Those of a map.
    pub const fn new(map: &'a [u8]) -> Self {
        Self(map)
    }

    /// The address of a name.
    pub fn find(&self, name: &str) -> Option<u32> {
        self.iter().find(|(_, known)| *known == name.as_bytes()).map(|(at, _)| at)
    }

    /// The last symbol at or below an address, and how far below. A map has tens of thousands of
    /// lines, so it is halved until the one is found.
    pub fn name(&self, at: u32) -> Option<(&'a str, u32)> {
        let (mut low, mut high) = (0, self.0.len());
        while low < high {
            let middle = self.line_start(low + (high - low) / 2).max(low);
            match Self(&self.0[middle..high]).iter().next() {
                Some((place, _)) if place <= at => low = middle + self.line_len(middle),
                Some(_) | None => high = middle,
            }
        }
        let (place, name) = Self(&self.0[..low]).last()?;
        (place <= at).then_some((core::str::from_utf8(name).ok()?, at - place))
    }

    /// An address in words: `name+0x12`, nothing if there is no name for it.
    pub fn describe(&self, at: u32) -> Option<String> {
        self.name(at).map(|(name, offset)| format!("{name}+{offset:#x}"))
    }

    /// Where the line begins that has the byte at `at`.
    fn line_start(&self, at: usize) -> usize {
        self.0[..at].iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1)
    }

    /// Bytes of the line that begins at `start`, its end included.
    fn line_len(&self, start: usize) -> usize {
        let rest = &self.0[start..];
        rest.iter().position(|&byte| byte == b'\n').map_or(rest.len(), |end| end + 1)
    }

    /// The last line that has a symbol.
    fn last(&self) -> Option<(u32, &'a [u8])> {
        self.0.rsplit(|&byte| byte == b'\n').find_map(read_line)
    }

    fn iter(&self) -> impl Iterator<Item = (u32, &'a [u8])> + use<'a> {
        self.0.split(|&byte| byte == b'\n').filter_map(read_line)
    }
}

/// `c0100000 T startup_32`, for what has an address: not those that are undefined.
fn read_line(line: &[u8]) -> Option<(u32, &[u8])> {
    let mut words = line.split(|&byte| byte == b' ' || byte == b'\r').filter(|word| !word.is_empty());
    let (at, _kind, name) = (words.next()?, words.next()?, words.next()?);
    let digits = core::str::from_utf8(at).ok()?;
    Some((u32::from_str_radix(digits, 16).ok()?, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: Symbols<'_> =
        Symbols::new(b"c0100000 T startup_32\nc0100040 t helper\n         U missing\nc0200000 D data\n");

    #[test]
    fn an_address_has_the_name_of_what_it_is_in() {
        assert_eq!(MAP.name(0xC010_0000), Some(("startup_32", 0)));
        assert_eq!(MAP.describe(0xC010_0052).as_deref(), Some("helper+0x12"));
        assert_eq!(MAP.name(0xC00F_FFFF), None);
    }

    #[test]
    fn every_address_of_a_long_map_is_found() {
        let map: String = (0..1000).map(|n| format!("{:08x} T symbol_{n}\n", 0x1000 + n * 8)).collect();
        let map = Symbols::new(map.as_bytes());
        assert!((0..1000).all(|n| map.describe(0x1003 + n * 8) == Some(format!("symbol_{n}+0x3"))));
        assert_eq!(map.name(0xFFF), None);
    }

    #[test]
    fn a_name_has_an_address() {
        assert_eq!((MAP.find("data"), MAP.find("missing"), MAP.find("dat")), (Some(0xC020_0000), None, None));
    }

    #[test]
    fn noise_has_no_symbols() {
        let noise: Vec<u8> = (0..=255).cycle().take(4096).collect();
        assert_eq!(Symbols::new(&noise).name(u32::MAX), None);
        assert_eq!(Symbols::default().find(""), None);
    }
}
