//! What a Linux console sends for a key: scan codes in, bytes out.
//!
//! The `pc-keyboard` crate knows the scan codes, and which letter is on which
//! key of a layout. Here a letter becomes what a Guest's line discipline
//! expects: Control and Meta are applied, Enter is CR, Backspace is DEL, keys
//! without a letter are escape sequences.
//!
//! ```text
//!   byte --> key, up or down --> modifiers
//!                            '-> layout --> letter ---> Control --> UTF-8 --> with Alt, ESC before it
//!                                       '-> no letter --> escape sequence ----'
//! ```
//!
//! Invariants:
//! - Any byte from the controller is survived (`any_scan_codes_are_survived`).
//! - A key let go sends nothing (`a_key_is_sent_when_it_goes_down`).
//!
//! Source: the crate; Linux, `drivers/tty/vt/keyboard.c` and `defkeymap.map` for what its console
//! sends (F1 is `ESC [ [ A`); "XTerm Control Sequences" where Linux sends nothing.
//!
//! Next on the tour: [`super::pit`].

use arrayvec::ArrayVec;
use pc_keyboard::layouts::{Azerty, De105Key, Uk105Key, Us104Key};
use pc_keyboard::{
    DecodedKey, HandleControl, KeyCode, KeyState, KeyboardLayout, Modifiers, ScancodeSet, ScancodeSet1,
};

/// Most bytes one scan code makes a terminal send: ESC, and the longest sequence.
pub const LONGEST: usize = 6;
/// What one scan code makes a terminal send.
pub type Sent = ArrayVec<u8, LONGEST>;

const ESCAPE: u8 = 0x1B;

/// Which letter is on which key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Layout {
    /// United States, 104 keys.
    #[default]
    Us,
    /// United Kingdom, 105 keys.
    Uk,
    /// Germany, 105 keys.
    De,
    /// France, 105 keys.
    Fr,
}

impl Layout {
    /// The words for them.
    pub const WORDS: &str = "us, uk, de or fr";

    /// The layout of that name.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "us" => Some(Self::Us),
            "uk" => Some(Self::Uk),
            "de" => Some(Self::De),
            "fr" => Some(Self::Fr),
            _ => None,
        }
    }

    fn map(self, key: KeyCode, modifiers: &Modifiers) -> DecodedKey {
        let letters = HandleControl::Ignore;
        match self {
            // The crate has a digit here even without NumLock.
            _ if key == KeyCode::Numpad5 && !modifiers.numlock => DecodedKey::RawKey(key),
            // The 105th key, which the crate's US keyboard has not, has here what Linux gives it.
            Self::Us if key == KeyCode::Oem5 => {
                DecodedKey::Unicode(if modifiers.is_shifted() { '>' } else { '<' })
            }
            Self::Us => Us104Key.map_keycode(key, modifiers, letters),
            Self::Uk => Uk105Key.map_keycode(key, modifiers, letters),
            Self::De => De105Key.map_keycode(key, modifiers, letters),
            Self::Fr => Azerty.map_keycode(key, modifiers, letters),
        }
    }
}

/// A keyboard's state: half a scan code, and which modifiers are down.
pub struct KeyDecoder {
    codes: ScancodeSet1,
    /// But for Control and the left Alt, which no letter depends on.
    letters: Modifiers,
    control: [bool; 2],
    left_alt: bool,
    /// The layout.
    pub layout: Layout,
}

impl KeyDecoder {
    /// A keyboard with no key down and NumLock on.
    pub fn new(layout: Layout) -> Self {
        let letters = Modifiers { numlock: true, ..Modifiers::default() };
        Self { codes: ScancodeSet1::new(), letters, control: [false; 2], left_alt: false, layout }
    }

    /// Takes a byte from the controller, of scan code set 1.
    pub fn feed(&mut self, code: u8) -> Sent {
        // An unknown code is a key that means nothing here, or the keyboard's answer to a command.
        let Ok(Some(event)) = self.codes.advance_state(code) else { return Sent::new() };
        let is_down = event.state == KeyState::Down;
        if self.is_modifier(event.code, is_down) || !is_down {
            return Sent::new();
        }
        let has_control = self.control != [false; 2];
        // What is right of the space bar makes other letters, where there are such.
        let has_meta = self.left_alt || (self.letters.ralt && self.layout == Layout::Us);
        let shift = self.letters.is_shifted();
        let mut sent = Sent::new();
        if has_meta {
            sent.push(ESCAPE);
        }
        let before = sent.len();
        match (event.code, self.layout.map(event.code, &self.letters)) {
            (KeyCode::Backspace, _) => sent.push(if has_control { 0x08 } else { 0x7F }),
            (KeyCode::Return | KeyCode::NumpadEnter, _) => sent.push(b'\r'),
            (KeyCode::Tab, _) if shift => extend(&mut sent, b"\x1B\t"),
            (key @ KeyCode::Delete, _) | (_, DecodedKey::RawKey(key)) => {
                extend(&mut sent, sequence_of(key, shift));
            }
            // The keypad's point, which is Delete without NumLock.
            (_, DecodedKey::Unicode('\x7F')) => extend(&mut sent, sequence_of(KeyCode::Delete, shift)),
            (_, DecodedKey::Unicode(letter)) => match control_of(letter).filter(|_| has_control) {
                Some(code) => sent.push(code),
                None => extend(&mut sent, letter.encode_utf8(&mut [0; 4]).as_bytes()),
            },
        }
        // Alt alone with a key that sends nothing is nothing.
        if sent.len() == before { Sent::new() } else { sent }
    }

    /// Notes that a modifier is down or up; false if `key` is none.
    fn is_modifier(&mut self, key: KeyCode, is_down: bool) -> bool {
        let Modifiers { lshift, rshift, ralt, numlock, capslock, rctrl2, .. } = &mut self.letters;
        match key {
            KeyCode::LShift => *lshift = is_down,
            KeyCode::RShift => *rshift = is_down,
            KeyCode::LControl => self.control[0] = is_down,
            KeyCode::RControl => self.control[1] = is_down,
            KeyCode::LAlt => self.left_alt = is_down,
            KeyCode::RAltGr => *ralt = is_down,
            KeyCode::CapsLock => *capslock ^= is_down,
            // Pause is sent as NumLock, with a Control key before it that there is not.
            KeyCode::NumpadLock => *numlock ^= is_down && !*rctrl2,
            KeyCode::RControl2 => *rctrl2 = is_down,
            _ => return false,
        }
        true
    }
}

fn extend(sent: &mut Sent, bytes: &[u8]) {
    sent.try_extend_from_slice(bytes).expect("no key sends more than six bytes");
}

/// What Control makes of a letter; nothing if it makes no difference.
const fn control_of(letter: char) -> Option<u8> {
    match letter {
        'a'..='z' | 'A'..='Z' => Some(letter as u8 & 0x1F),
        ' ' | '@' | '`' | '2' => Some(0),
        '[' | '{' | '3' => Some(ESCAPE),
        '\\' | '|' | '4' => Some(0x1C),
        ']' | '}' | '5' => Some(0x1D),
        '^' | '~' | '6' => Some(0x1E),
        '_' | '-' | '/' | '7' => Some(0x1F),
        '?' | '8' => Some(0x7F),
        _ => None,
    }
}

/// What a key without a letter sends.
const fn sequence_of(key: KeyCode, shift: bool) -> &'static [u8] {
    match (key, shift) {
        (KeyCode::ArrowUp, _) => b"\x1B[A",
        (KeyCode::ArrowDown, _) => b"\x1B[B",
        (KeyCode::ArrowRight, _) => b"\x1B[C",
        (KeyCode::ArrowLeft, _) => b"\x1B[D",
        (KeyCode::Numpad5, _) => b"\x1B[G",
        (KeyCode::Home, _) => b"\x1B[1~",
        (KeyCode::Insert, _) => b"\x1B[2~",
        (KeyCode::Delete, _) => b"\x1B[3~",
        (KeyCode::End, _) => b"\x1B[4~",
        (KeyCode::PageUp, _) => b"\x1B[5~",
        (KeyCode::PageDown, _) => b"\x1B[6~",
        (KeyCode::F1, false) => b"\x1B[[A",
        (KeyCode::F2, false) => b"\x1B[[B",
        (KeyCode::F3, false) => b"\x1B[[C",
        (KeyCode::F4, false) => b"\x1B[[D",
        (KeyCode::F5, false) => b"\x1B[[E",
        (KeyCode::F6, false) => b"\x1B[17~",
        (KeyCode::F7, false) => b"\x1B[18~",
        (KeyCode::F8, false) => b"\x1B[19~",
        (KeyCode::F9, false) => b"\x1B[20~",
        (KeyCode::F10, false) => b"\x1B[21~",
        (KeyCode::F11, false) => b"\x1B[23~",
        (KeyCode::F12, false) => b"\x1B[24~",
        (KeyCode::F1, true) => b"\x1B[25~",
        (KeyCode::F2, true) => b"\x1B[26~",
        (KeyCode::F3, true) => b"\x1B[28~",
        (KeyCode::F4, true) => b"\x1B[29~",
        (KeyCode::F5, true) => b"\x1B[31~",
        (KeyCode::F6, true) => b"\x1B[32~",
        (KeyCode::F7, true) => b"\x1B[33~",
        (KeyCode::F8, true) => b"\x1B[34~",
        _ => b"",
    }
}

#[cfg(test)]
mod tests;
