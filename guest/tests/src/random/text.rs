//! Text: any bytes, sequences a terminal obeys, and lines that look like the Host's.

use abi::hypercall::LHCALL_NOTIFY;
use kit::{PAGE_SIZE, pci};

use super::Player;

/// Lines that claim to be somebody else's. Who reads the serial line looks for the last word.
const FORGED: [&str; 8] = [
    "\r\nhost: end, exit code 0 FORGED\r\n",
    "\nhost: frames: 1 of 2 free FORGED\n",
    "\rguest innocent1: killed: FORGED\r\n",
    "host: panic FORGED\n",
    "\r\n\x1b[31mhost: FORGED\x1b[0m\r\n",
    "\x1b[2K\x1b[1Gguest innocent2: killed: FORGED\n",
    "\n\x00host: FORGED\n",
    "\n\u{85}\u{8d}host: FORGED\n",
];
/// What a terminal obeys, or answers.
const SEQUENCES: [&str; 10] = [
    "\x1b[8m",
    "\x1b[?25l",
    "\x1b[c",
    "\x1b[6n",
    "\x1b]0;title\x07",
    "\x1bP$qm\x1b\\",
    "\x1b(0",
    "\x1b[5;10r",
    "\x1b[?1049h",
    "\u{9b}0c",
];

impl Player {
    pub(super) fn play_text(&mut self) {
        let mut line = [0u8; 256];
        let len = self.compose(&mut line);
        if pci::is_here() {
            return pci::show_emergency(&line[..len]);
        }
        let at = self.own_page() + self.dice.pick(&[0, 1, 0x800, PAGE_SIZE - 16]);
        let at = at.min(self.places.own.end - 256);
        for (place, word) in (at & !3..).step_by(4).zip(line[..len + 1].chunks(4)) {
            self.poke(place, word.iter().rev().fold(0, |word, &byte| word << 8 | u32::from(byte)));
        }
        self.call(LHCALL_NOTIFY, [at & !3, 0, 0, 0]);
    }

    /// Where text may be: a page to play with, rarely anywhere.
    pub(super) fn text_place(&mut self) -> u32 {
        if self.is_reckless() {
            self.places.physical(&mut self.dice)
        } else {
            self.places.own(&mut self.dice)
        }
    }

    /// Fills `line` with a few pieces; returns how long it is.
    fn compose(&mut self, line: &mut [u8; 256]) -> usize {
        let mut len = 0;
        for _ in 0..1 + self.dice.below(4) {
            let byte = [self.dice.byte()];
            let piece: &[u8] = match self.dice.below(4) {
                0 => self.dice.pick(&FORGED).as_bytes(),
                1 => self.dice.pick(&SEQUENCES).as_bytes(),
                2 => b"some words",
                _ => &byte,
            };
            let end = (len + piece.len()).min(line.len() - 1);
            line[len..end].copy_from_slice(&piece[..end - len]);
            len = end;
        }
        len
    }
}
