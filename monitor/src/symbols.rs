//! Symbols: names for a Guest's addresses, from its own file or from a map.
//!
//! An ELF file that was not stripped has them. For others a module may bring a
//! map: text, with an address, a kind and a name on each line, ordered by
//! address as `nm -n` does it and Linux's `System.map` is. Either stays where
//! the loader put it; a name is looked for when somebody asks.
//!
//! Invariants:
//! - What is no symbol is passed over (`noise_has_no_symbols`).
//!
//! Next on the tour: [`crate::registers`].

use alloc::format;
use alloc::string::String;

use elf::ElfBytes;
use elf::endian::LittleEndian;

/// The lowest types of symbols are data and functions; sections and files are no places.
const LAST_TYPE: u8 = 2;

/// A Guest's symbols, none if nobody brought any.
#[derive(Clone, Copy, Debug)]
pub enum Symbols<'a> {
    /// The text of a map.
    Map(&'a [u8]),
    /// An image, which may be an ELF file that was not stripped.
    Image(&'a [u8]),
}

impl Default for Symbols<'_> {
    fn default() -> Self {
        Self::Map(&[])
    }
}

impl<'a> Symbols<'a> {
    /// Those of a map.
    pub const fn new(map: &'a [u8]) -> Self {
        Self::Map(map)
    }

    /// Those an image has in it, if any.
    pub const fn of_image(image: &'a [u8]) -> Self {
        Self::Image(image)
    }

    /// The address of a name.
    #[inline(never)] // into code that is built for speed
    pub fn find(&self, name: &str) -> Option<u32> {
        match *self {
            Self::Map(map) => lines(map).find(|(_, known)| *known == name.as_bytes()).map(|(at, _)| at),
            Self::Image(image) => entries(image).find(|(_, known)| *known == name).map(|(at, _)| at),
        }
    }

    /// The last symbol at or below an address, and how far below.
    #[inline(never)] // into code that is built for speed
    pub fn name(&self, at: u32) -> Option<(&'a str, u32)> {
        match *self {
            Self::Map(map) => last_below(map, at),
            Self::Image(image) => {
                let below = entries(image).filter(|&(place, _)| place <= at);
                below.max_by_key(|&(place, _)| place).map(|(place, name)| (name, at - place))
            }
        }
    }

    /// An address in words: `name+0x12`, nothing if there is no name for it.
    pub fn describe(&self, at: u32) -> Option<String> {
        self.name(at).map(|(name, offset)| format!("{name}+{offset:#x}"))
    }
}

/// The named places in an image, none unless it is an ELF file with a table of symbols.
fn entries(image: &[u8]) -> impl Iterator<Item = (u32, &str)> {
    let file = ElfBytes::<LittleEndian>::minimal_parse(image).ok();
    let tables = file.and_then(|file| file.symbol_table().ok().flatten());
    tables.into_iter().flat_map(|(table, names)| {
        let places = table.into_iter().filter(|one| !one.is_undefined() && one.st_symtype() <= LAST_TYPE);
        places.filter_map(move |symbol| {
            let name = names.get(symbol.st_name as usize).ok().filter(|name| !name.is_empty())?;
            Some((u32::try_from(symbol.st_value).ok()?, name))
        })
    })
}

/// The last symbol of a map at or below an address. It has tens of thousands of lines, so it is
/// halved until the one is found.
fn last_below(map: &[u8], at: u32) -> Option<(&str, u32)> {
    let (mut low, mut high) = (0, map.len());
    while low < high {
        let middle = line_start(map, low + (high - low) / 2).max(low);
        match lines(&map[middle..high]).next() {
            Some((place, _)) if place <= at => low = middle + line_len(&map[middle..]),
            Some(_) | None => high = middle,
        }
    }
    let (place, name) = map[..low].rsplit(|&byte| byte == b'\n').find_map(read_line)?;
    Some((core::str::from_utf8(name).ok()?, at.checked_sub(place)?))
}

/// Where the line begins that has the byte at `at`.
fn line_start(map: &[u8], at: usize) -> usize {
    map[..at].iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1)
}

/// Bytes of the first line, its end included.
fn line_len(map: &[u8]) -> usize {
    map.iter().position(|&byte| byte == b'\n').map_or(map.len(), |end| end + 1)
}

fn lines(map: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    map.split(|&byte| byte == b'\n').filter_map(read_line)
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
    use proptest::prelude::*;

    const MAP: Symbols<'_> =
        Symbols::new(b"         U missing\nc0100000 T startup_32\nc0100040 t helper\nc0200000 D data\n");

    #[test]
    fn an_address_has_the_name_of_what_it_is_in() {
        assert_eq!(MAP.name(0xC010_0000), Some(("startup_32", 0)));
        assert_eq!(MAP.describe(0xC010_0052).as_deref(), Some("helper+0x12"));
        assert_eq!((MAP.name(0xC00F_FFFF), MAP.name(u32::MAX)), (None, Some(("data", 0x3FDF_FFFF))));
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
    fn an_elf_file_brings_its_own() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let symbols = Symbols::of_image(&own);
        let main = symbols.find("main").expect("a program has a main");
        assert!(symbols.describe(main).is_some_and(|name| name.ends_with("+0x0")));
        assert_eq!(Symbols::of_image(&own[..100]).find("main"), None);
    }

    #[test]
    fn noise_has_no_symbols() {
        let noise: Vec<u8> = (0..=255).cycle().take(4096).collect();
        assert_eq!(Symbols::new(&noise).name(u32::MAX), None);
        assert_eq!(Symbols::of_image(&noise).name(u32::MAX), None);
        assert_eq!(Symbols::default().find(""), None);
    }

    proptest! {
        #[test]
        fn any_map_is_survived(map: Vec<u8>, text in "([0-9a-f]{0,9} ?[TtU]? ?[a-z]{0,3}\n){0,9}", at: u32) {
            for map in [map.as_slice(), text.as_bytes()] {
                let named = Symbols::new(map).name(at);
                prop_assert!(named.is_none_or(|(name, offset)| !name.is_empty() && offset <= at));
            }
        }
    }
}
