//! Symbols: names for a Guest's addresses, from its own file or from a list.
//!
//! An ELF file that was not stripped has them. For others a module may bring an
//! ELF file or a list as `nm` prints it, which Linux's `System.map` is too.
//! Either stays where the loader put it; a name is looked for when somebody
//! asks. A list that is in the order of its addresses, as `nm -n` and
//! `System.map` are, is halved until the name is found; others are read from
//! end to end.
//!
//! Invariants:
//! - A file that has no symbols is refused with the reason
//!   (`what_has_no_symbols_is_refused_in_words`).
//! - Whatever a file says, looking for a name ends and fails at worst
//!   (`any_list_is_survived`).
//!
//! Next on the tour: [`list`].

use alloc::format;
use alloc::string::String;
use core::fmt;

use elf::ElfBytes;
use elf::endian::LittleEndian;
use elf::file::Class;

pub mod list;
pub mod readable;

use self::list::Line;
pub use self::readable::readable;

/// The lowest types of symbols are data and functions; sections and files are no places.
const LAST_TYPE: u8 = 2;
/// What is farther behind a symbol than this has no name.
const REACH: u32 = 16 << 20;
/// What an ELF file begins with.
const ELF_MAGIC: &[u8] = b"\x7FELF";

/// A Guest's symbols, none if nobody brought any.
#[derive(Clone, Copy, Debug)]
pub enum Symbols<'a> {
    /// The text of a list.
    List {
        /// The text.
        text: &'a str,
        /// Each address is at or above the one before.
        is_sorted: bool,
    },
    /// An image, which may be an ELF file that was not stripped.
    Image(&'a [u8]),
}

/// Why a file is no file of symbols.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoSymbols {
    /// There is nothing in it.
    Empty,
    /// It is an ELF file that cannot be read.
    BadElf,
    /// It is an ELF file of another kind of machine.
    Elf64,
    /// It is an ELF file without a table of symbols.
    Stripped,
    /// It is neither ELF nor text.
    NoText,
    /// It is text, and the line of this number, from 1, is none of `nm`'s.
    Line(usize),
    /// It is text, and no line names an address.
    NoAddress,
}

impl fmt::Display for NoSymbols {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the file is empty"),
            Self::BadElf => f.write_str("the file begins like ELF, but it cannot be read as such"),
            Self::Elf64 => f.write_str("it is an ELF file of 64 bits, and Guests have 32"),
            Self::Stripped => f.write_str("it is an ELF file without symbols: it was stripped"),
            Self::NoText => f.write_str("it is neither an ELF file nor a list of symbols, as nm prints it"),
            Self::Line(number) => write!(
                f,
                "it is neither an ELF file nor a list of symbols: line {number} is not what nm prints"
            ),
            Self::NoAddress => f.write_str("no line in it has an address below 4 GiB"),
        }
    }
}

impl Default for Symbols<'_> {
    fn default() -> Self {
        Self::List { text: "", is_sorted: true }
    }
}

impl<'a> Symbols<'a> {
    /// Those of a list, none if it is no list.
    pub fn new(list: &'a [u8]) -> Self {
        read_list(list).unwrap_or_default()
    }

    /// Those an image has in it, if any.
    pub const fn of_image(image: &'a [u8]) -> Self {
        Self::Image(image)
    }

    /// Those of a file that was brought for its symbols: an ELF file or a list.
    ///
    /// # Errors
    /// If there are none in it.
    pub fn admit(file: &'a [u8]) -> Result<Self, NoSymbols> {
        if file.is_empty() {
            return Err(NoSymbols::Empty);
        }
        if !file.starts_with(ELF_MAGIC) {
            return read_list(file);
        }
        let elf = ElfBytes::<LittleEndian>::minimal_parse(file).map_err(|_| NoSymbols::BadElf)?;
        if elf.ehdr.class == Class::ELF64 {
            return Err(NoSymbols::Elf64);
        }
        match entries(file).next() {
            Some(_) => Ok(Self::Image(file)),
            None => Err(NoSymbols::Stripped),
        }
    }

    /// The address of a name, as it is in the file or as it is shown.
    #[inline(never)] // into code that is built for speed
    pub fn find(&self, name: &str) -> Option<u32> {
        let is_it = |&(_, known): &(u32, &str)| readable::is_called(known, name);
        let found = match *self {
            Self::List { text, .. } => symbols(text).find(is_it),
            Self::Image(image) => entries(image).find(is_it),
        };
        found.map(|(at, _)| at)
    }

    /// The last symbol at or below an address, as it is in the file, and how far below.
    #[inline(never)] // into code that is built for speed
    pub fn name(&self, at: u32) -> Option<(&'a str, u32)> {
        let (place, name) = match *self {
            Self::List { text, is_sorted: true } => last_below(text, at),
            Self::List { text, is_sorted: false } => nearest(symbols(text), at),
            Self::Image(image) => nearest(entries(image), at),
        }?;
        at.checked_sub(place).filter(|&offset| offset < REACH).map(|offset| (name, offset))
    }

    /// An address in words: `name+0x12`, nothing if there is no name for it.
    pub fn describe(&self, at: u32) -> Option<String> {
        self.name(at).map(|(name, offset)| format!("{}+{offset:#x}", readable(name)))
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

/// Reads a list once, to know whether it is one and in order.
#[inline(never)] // into code that is built for speed
fn read_list(file: &[u8]) -> Result<Symbols<'_>, NoSymbols> {
    let text = str::from_utf8(file).map_err(|_| NoSymbols::NoText)?;
    let (mut last, mut is_sorted) = (None, true);
    for (number, line) in text.lines().enumerate() {
        match Line::read(line) {
            Line::Symbol(at, _) => {
                is_sorted &= last <= Some(at);
                last = Some(at);
            }
            Line::Other => {}
            Line::Noise => return Err(NoSymbols::Line(number + 1)),
        }
    }
    last.map(|_| Symbols::List { text, is_sorted }).ok_or(NoSymbols::NoAddress)
}

/// The one that is nearest below an address.
fn nearest<'a>(all: impl Iterator<Item = (u32, &'a str)>, at: u32) -> Option<(u32, &'a str)> {
    all.filter(|&(place, _)| place <= at).max_by_key(|&(place, _)| place)
}

/// The last symbol of a list in order at or below an address. It has tens of thousands of lines, so
/// it is halved until the one is found.
fn last_below(text: &str, at: u32) -> Option<(u32, &str)> {
    let (mut low, mut high) = (0, text.len());
    while low < high {
        let middle = line_start(text, low + (high - low) / 2).max(low);
        match symbols(&text[middle..high]).next() {
            Some((place, _)) if place <= at => low = middle + line_len(&text[middle..]),
            Some(_) | None => high = middle,
        }
    }
    text[..low].rsplit('\n').find_map(read_line)
}

/// Where the line begins that has the byte at `at`.
fn line_start(text: &str, at: usize) -> usize {
    text.as_bytes()[..at].iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1)
}

/// Bytes of the first line, its end included.
fn line_len(text: &str) -> usize {
    text.find('\n').map_or(text.len(), |end| end + 1)
}

fn symbols(text: &str) -> impl Iterator<Item = (u32, &str)> {
    text.split('\n').filter_map(read_line)
}

fn read_line(line: &str) -> Option<(u32, &str)> {
    match Line::read(line) {
        Line::Symbol(at, name) => Some((at, name)),
        Line::Other | Line::Noise => None,
    }
}

#[cfg(test)]
mod tests;
