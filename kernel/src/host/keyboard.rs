//! What a terminal sends for a key: scan codes in, bytes out.
//!
//! The `pc-keyboard` crate knows the scan codes, the modifiers and the US
//! layout. Here a key becomes what a Guest's line discipline expects of a
//! terminal: Enter is CR, Backspace is DEL, arrows are escape sequences.
//!
//! Invariants:
//! - Any byte from the controller is survived (`any_scan_codes_are_survived`).
//! - A key let go sends nothing (`a_key_is_sent_when_it_goes_down`).
//!
//! Source: the crate; "XTerm Control Sequences", "PC-Style Function Keys".
//!
//! Next on the tour: [`super::pit`].

use arrayvec::ArrayVec;
use pc_keyboard::layouts::Us104Key;
use pc_keyboard::{DecodedKey, EventDecoder, HandleControl, KeyCode, ScancodeSet, ScancodeSet1};

/// What one scan code makes a terminal send.
pub type Sent = ArrayVec<u8, 4>;

/// A keyboard's state: half a scan code, and which modifiers are down.
pub struct KeyDecoder {
    codes: ScancodeSet1,
    keys: EventDecoder<Us104Key>,
}

impl Default for KeyDecoder {
    fn default() -> Self {
        Self::new()
    }
}

impl KeyDecoder {
    /// A keyboard with no key down.
    pub const fn new() -> Self {
        let keys = EventDecoder::new(Us104Key, HandleControl::MapLettersToUnicode);
        Self { codes: ScancodeSet1::new(), keys }
    }

    /// Takes a byte from the controller, of scan code set 1.
    pub fn feed(&mut self, code: u8) -> Sent {
        let mut sent = Sent::new();
        // An unknown code is a key that means nothing here, or the keyboard's answer to a command.
        let Ok(Some(event)) = self.codes.advance_state(code) else { return sent };
        let key = event.code;
        match self.keys.process_keyevent(event) {
            Some(DecodedKey::Unicode(letter)) => extend(&mut sent, &bytes_of(key, letter)),
            Some(DecodedKey::RawKey(key)) => extend(&mut sent, sequence_of(key)),
            None => {}
        }
        sent
    }
}

fn extend(sent: &mut Sent, bytes: &[u8]) {
    sent.try_extend_from_slice(bytes).expect("no key sends more than four bytes");
}

/// What a key with a letter on it sends. The layout has ASCII only.
fn bytes_of(key: KeyCode, letter: char) -> Sent {
    let mut sent = Sent::new();
    match (key, u8::try_from(letter)) {
        (KeyCode::Backspace, _) => extend(&mut sent, b"\x7F"),
        (KeyCode::Return | KeyCode::NumpadEnter, _) => extend(&mut sent, b"\r"),
        (_, Ok(0x7F)) => extend(&mut sent, sequence_of(KeyCode::Delete)),
        (_, Ok(letter)) => sent.push(letter),
        (_, Err(_)) => {}
    }
    sent
}

/// What a key without one sends.
fn sequence_of(key: KeyCode) -> &'static [u8] {
    match key {
        KeyCode::ArrowUp => b"\x1B[A",
        KeyCode::ArrowDown => b"\x1B[B",
        KeyCode::ArrowRight => b"\x1B[C",
        KeyCode::ArrowLeft => b"\x1B[D",
        KeyCode::Home => b"\x1B[H",
        KeyCode::End => b"\x1B[F",
        KeyCode::Insert => b"\x1B[2~",
        KeyCode::Delete => b"\x1B[3~",
        KeyCode::PageUp => b"\x1B[5~",
        KeyCode::PageDown => b"\x1B[6~",
        _ => b"",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIFT: u8 = 0x2A;
    const CONTROL: u8 = 0x1D;
    const CAPS: u8 = 0x3A;
    const A: u8 = 0x1E;
    const ONE: u8 = 0x02;
    const UP: u8 = 0x80;

    fn sent(codes: &[u8]) -> String {
        let mut keys = KeyDecoder::new();
        let sent = codes.iter().flat_map(|&code| keys.feed(code)).collect();
        String::from_utf8(sent).unwrap()
    }

    #[test]
    fn a_key_is_sent_when_it_goes_down() {
        assert_eq!(sent(&[A, A | UP, ONE, ONE | UP]), "a1");
    }

    #[test]
    fn shift_and_caps_lock_change_letters_as_on_a_us_keyboard() {
        assert_eq!(sent(&[SHIFT, A, ONE, SHIFT | UP, A]), "A!a");
        assert_eq!(sent(&[CAPS, CAPS | UP, A, ONE, SHIFT, A, SHIFT | UP, CAPS, CAPS | UP, A]), "A1aa");
    }

    #[test]
    fn control_makes_control_codes() {
        assert_eq!(sent(&[CONTROL, A, 0x2E, CONTROL | UP, A]), "\x01\x03a");
    }

    #[test]
    fn enter_and_backspace_are_a_terminals() {
        assert_eq!(sent(&[0x1C, 0x0E, 0x0F, 0x01]), "\r\x7F\t\x1B");
        assert_eq!(sent(&[CONTROL, 0x23]), "\x08", "Ctrl-H is not Backspace");
    }

    #[test]
    fn arrows_and_their_neighbours_send_sequences() {
        assert_eq!(sent(&[0xE0, 0x48, 0xE0, 0xC8, 0xE0, 0x4B, 0xE0, 0x53]), "\x1B[A\x1B[D\x1B[3~");
        assert_eq!(sent(&[0xE0, 0x1C, 0x47]), "\r7");
    }

    #[test]
    fn any_scan_codes_are_survived() {
        let mut keys = KeyDecoder::new();
        let mut seed = 7_u32;
        // Miri is a thousand times slower, and looks for something else.
        for _ in 0..if cfg!(miri) { 500 } else { 100_000 } {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            assert!(keys.feed((seed >> 24) as u8).is_ascii());
        }
    }
}
