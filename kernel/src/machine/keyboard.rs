//! The PS/2 keyboard, for a machine without a serial cable.
//!
//! Its controller hands over one byte at a time and says so by an interrupt.
//! The keyboard itself is left as firmware set it up, but for being told to
//! send; the controller translates to scan code set 1 and keeps the mouse out.
//!
//! Invariants:
//! - No wait is longer than [`PATIENCE`] looks, and a machine without a keyboard
//!   controller is not an error ([`Keyboard::probe`]).
//! - What was typed before the Host started is not lost.
//!
//! Source: IBM PS/2 Hardware Interface Technical Reference, "Keyboard and
//! Auxiliary Device Controller".
//!
//! Next on the tour: [`super::vga`].

use kernel::platform::keyboard::{KeyDecoder, LONGEST, Layout};
use kernel::terminal::bytes::ByteRing;

use super::port::Port;

// SAFETY: What is sent to the keyboard stays in the keyboard.
const DATA: Port<u8> = unsafe { Port::<u8>::new(0x60) };
// SAFETY: Of the commands only those below are sent; none of them resets the CPU or moves A20.
const CONTROL: Port<u8> = unsafe { Port::<u8>::new(0x64) };

/// Status: there is a byte to be read.
const OUTPUT_FULL: u8 = 1 << 0;
/// Status: the last byte written has not been taken yet.
const INPUT_FULL: u8 = 1 << 1;
/// Status: the byte to be read is the mouse's.
const FROM_MOUSE: u8 = 1 << 5;
/// Status where there is no controller.
const NOBODY: u8 = 0xFF;

/// Command: the next byte read is the command byte.
const READ_COMMAND_BYTE: u8 = 0x20;
/// Command: the next byte written is the command byte.
const WRITE_COMMAND_BYTE: u8 = 0x60;
/// Command: holds the keyboard's clock.
const DISABLE: u8 = 0xAD;
/// Command: lets it go.
const ENABLE: u8 = 0xAE;
/// To the keyboard: send what is typed.
const START_SCANNING: u8 = 0xF4;

/// Command byte: interrupts for the keyboard, translation to set 1, the mouse's clock held.
const WANTED: u8 = 1 << 0 | 1 << 6 | 1 << 5;
/// Command byte: interrupts for the mouse, the keyboard's clock held.
const UNWANTED: u8 = 1 << 1 | 1 << 4;

/// Looks at the status, of about a microsecond each, before the controller is given up.
const PATIENCE: u32 = 20_000;
/// Bytes read at a time: more than keys can send between two looks.
const BURST: u32 = 16;
/// Bytes typed ahead that are held.
const TYPED_AHEAD: usize = 128;

/// A keyboard, in use.
pub struct Keyboard {
    decoder: KeyDecoder,
    typed: ByteRing<TYPED_AHEAD>,
}

impl Keyboard {
    /// Finds the controller and has it report keys; `None` if nothing answers.
    pub fn probe() -> Option<Self> {
        if CONTROL.read() == NOBODY {
            return None;
        }
        let mut keyboard = Self { decoder: KeyDecoder::new(Layout::default()), typed: ByteRing::new() };
        send(CONTROL, DISABLE)?;
        keyboard.receive();
        send(CONTROL, READ_COMMAND_BYTE)?;
        let command_byte = answer()? & !UNWANTED | WANTED;
        send(CONTROL, WRITE_COMMAND_BYTE)?;
        send(DATA, command_byte)?;
        send(CONTROL, ENABLE)?;
        // Its acknowledgement comes like a key, and means nothing as one.
        send(DATA, START_SCANNING)?;
        Some(keyboard)
    }

    /// Fetches what the controller has, as far as there is room; returns whether that was anything.
    pub fn receive(&mut self) -> bool {
        let room = self.typed.room();
        self.fetch();
        self.typed.room() < room
    }

    fn fetch(&mut self) {
        for _ in 0..BURST {
            let status = CONTROL.read();
            let has_byte = status != NOBODY && status & OUTPUT_FULL != 0;
            if !has_byte || self.typed.room() < LONGEST {
                return;
            }
            let code = DATA.read();
            if status & FROM_MOUSE == 0 {
                for byte in self.decoder.feed(code) {
                    self.typed.push(byte);
                }
            }
        }
    }

    /// From now on its keys have these letters.
    pub fn set_layout(&mut self, layout: Layout) {
        self.decoder.layout = layout;
    }

    /// Takes the oldest byte.
    pub fn read(&mut self) -> Option<u8> {
        self.typed.pop()
    }
}

/// Writes a byte when the controller can take one.
fn send(port: Port<u8>, byte: u8) -> Option<()> {
    (0..PATIENCE).find(|_| CONTROL.read() & INPUT_FULL == 0)?;
    port.write(byte);
    Some(())
}

/// Waits for the controller's answer.
fn answer() -> Option<u8> {
    (0..PATIENCE).find(|_| CONTROL.read() & OUTPUT_FULL != 0)?;
    Some(DATA.read())
}
