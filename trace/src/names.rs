//! Names for Guests' addresses: one file of symbols, for one of them or for all.
//!
//! Next on the tour: [`crate::text`].

use monitor::symbols::Symbols;

use crate::story::Story;

/// Symbols, and whose they are.
pub struct Names<'a> {
    symbols: Symbols<'a>,
    guest: Option<&'a str>,
}

impl<'a> Names<'a> {
    /// `symbols` for the Guest of this name, or for all.
    pub const fn new(symbols: Symbols<'a>, guest: Option<&'a str>) -> Self {
        Self { symbols, guest }
    }

    /// An address of a Guest's in words: `name+0x12`, nothing if there is no name for it.
    pub fn describe(&self, story: &Story, guest: u8, at: u32) -> Option<String> {
        let is_its_map = self.guest.is_none_or(|whose| whose == story.name(guest));
        if is_its_map { self.symbols.describe(at) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::tests::line;

    #[test]
    fn a_guest_has_no_names_of_another_ones() {
        let story = Story::read(&line()).unwrap();
        let names = |guest| Names::new(Symbols::new(b"c0100000 T touch\n"), guest);
        let described =
            |guest| [0, 1].map(|number| names(guest).describe(&story, number, 0xC010_0004).is_some());
        assert_eq!((described(Some("a")), described(None)), ([true, false], [true, true]));
    }
}
