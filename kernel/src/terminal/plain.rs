//! Text in which nothing is hidden: lines of the Host have names and words of Guests in them.
//!
//! Invariants: what comes out is one line of visible letters (`controls_become_dots`).
//!
//! Next on the tour: [`super::screen`].

use core::fmt::{self, Write};

/// Writes to another writer, a dot for each letter that cannot be seen.
pub struct Plain<W>(pub W);

impl<W: Write> Write for Plain<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some((place, letter)) = rest.char_indices().find(|&(_, letter)| is_hidden(letter)) {
            self.0.write_str(&rest[..place])?;
            self.0.write_str(".")?;
            rest = &rest[place + letter.len_utf8()..];
        }
        self.0.write_str(rest)
    }
}

/// Whether a letter is a control, or takes no room on the screen and could hide in a word, or turns
/// the direction of writing.
pub const fn is_hidden(letter: char) -> bool {
    matches!(letter,
        '\0'..='\u{1F}' | '\u{7F}'..='\u{9F}' | '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}'..='\u{1160}'
        | '\u{17B4}'..='\u{17B5}' | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}'
        | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}'
        | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_become_dots() {
        let mut text = String::new();
        let words = "last\nwords: \u{e9}";
        write!(Plain(&mut text), "guest a: \x1b[8m{words}\u{9b}\u{202e}x").unwrap();
        assert_eq!(text, "guest a: .[8mlast.words: \u{e9}..x");
    }
}
