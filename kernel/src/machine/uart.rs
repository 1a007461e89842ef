//! Serial ports: COM1, where scripts and people meet the Host, and COM2.
//!
//! The `uart_16550` crate knows the chip; this file adds what a hypervisor
//! needs on top, as the crate's register back end: patience with an end, and
//! respect for bytes that came early. In a pipe like `printf 'help\n' | qemu …`
//! the first byte waits in the receiver long before the Host runs, and a
//! driver that resets the FIFOs or drains the receiver throws it away.
//!
//! ```text
//! Uart16550 --reads, writes--> Line --in, out--> COM1 or COM2
//!                               | keeps bytes read during set-up, holds back a FIFO reset that
//!                               | would lose one, and reports "empty" once patience runs out
//! ```
//!
//! Invariants:
//! - No received byte is lost: not by set-up, nor by a full ring, which leaves
//!   the rest in the chip (the boot tests pipe a whole dialogue in).
//! - No wait is longer than [`PATIENCE`] polls; a transmitter that exceeds it is
//!   left alone until something is received.
//! - A machine without a port is a machine without it, not an error.
//!
//! Source: National Semiconductor PC16550D data sheet.
//!
//! Next on the tour: [`super::second_line`].

use kernel::host::bytes::ByteRing;
use uart_16550::backend::Backend;
use uart_16550::spec::registers::{IER, LSR, offsets};
use uart_16550::{BaudRate, Config, Uart16550};

use super::port::Port;

/// The base of COM1's eight registers.
pub const COM1: u16 = 0x3F8;
/// The base of COM2's.
pub const COM2: u16 = 0x2F8;
/// Polls before the Host stops waiting: a byte at 115200 baud takes 87 µs, a poll about 1 µs.
const PATIENCE: u32 = 200_000;
/// Bytes typed ahead that the Host holds for Guests.
const TYPED_AHEAD: usize = 1024;

/// The chip's registers, with patience.
struct Line {
    base: u16,
    /// What set-up read from the receiver.
    kept: ByteRing<32>,
    setting_up: bool,
    polls: u32,
}

/// A serial port, set up and in use.
pub struct Serial {
    chip: Uart16550<Line>,
    typed: ByteRing<TYPED_AHEAD>,
    stuck: bool,
}

/// The port of one of COM1's registers.
pub const fn register(offset: u8) -> Port<u8> {
    // SAFETY: COM1's registers send and receive bytes; a UART has no way to memory.
    unsafe { Port::<u8>::new(COM1 + offset as u16) }
}

/// Waits until the transmitter is empty, as long as patience lasts. Needs no lock.
pub fn drain() {
    let empty = |_: &u32| register(offsets::LSR as u8).read() & LSR::TRANSMITTER_EMPTY.bits() != 0;
    (0..PATIENCE).find(empty);
}

impl Line {
    /// The port of one of the registers.
    const fn register(&self, offset: u8) -> Port<u8> {
        // SAFETY: `probe` is given the base of a UART only, and that has no way to memory.
        unsafe { Port::<u8>::new(self.base + offset as u16) }
    }

    fn has_input(&self) -> bool {
        self.register(offsets::LSR as u8).read() & LSR::DATA_READY.bits() != 0
    }
}

impl Backend for Line {
    unsafe fn read(&mut self, offset: u8) -> u8 {
        let value = self.register(offset).read();
        match usize::from(offset) {
            offsets::DATA if self.setting_up => {
                self.kept.push(value);
                value
            }
            offsets::LSR if self.setting_up => {
                self.polls += 1;
                let over = self.polls > PATIENCE;
                if over { value | LSR::TRANSMITTER_EMPTY.bits() } else { value }
            }
            _ => value,
        }
    }

    unsafe fn write(&mut self, offset: u8, value: u8) {
        // The crate's FIFO set-up always resets the receiver.
        let would_lose_input = usize::from(offset) == offsets::FCR && self.has_input();
        if !would_lose_input {
            self.register(offset).write(value);
        }
    }
}

impl Serial {
    /// Finds the chip at `base`, [`COM1`] or [`COM2`], and sets it to 115200 baud, 8 data bits, no
    /// parity, one stop bit, and to interrupt for what it receives if that `is_heard`; `None` if
    /// nothing answers there.
    pub fn probe(base: u16, is_heard: bool) -> Option<Self> {
        assert!(base == COM1 || base == COM2, "there is a UART at {base:#x}");
        let line = Line { base, kept: ByteRing::new(), setting_up: true, polls: 0 };
        // SAFETY: `Line` reaches exactly the eight registers of that port.
        let mut chip = unsafe { Uart16550::new_with_backend(line) };
        let interrupts = if is_heard { IER::DATA_READY } else { IER::empty() };
        let config = Config { baud_rate: BaudRate::Baud115200, interrupts, ..Config::DEFAULT };
        chip.init(config).ok()?;
        let line = chip.backend_mut();
        line.setting_up = false;
        let mut typed = ByteRing::new();
        while let Some(byte) = line.kept.pop() {
            typed.push(byte);
        }
        Some(Self { chip, typed, stuck: false })
    }

    /// Sends bytes, waiting for the line as long as patience lasts.
    pub fn write(&mut self, mut bytes: &[u8]) {
        let mut polls = 0;
        while !bytes.is_empty() && !self.stuck {
            let sent = self.chip.send_bytes(bytes);
            bytes = &bytes[sent..];
            polls = if sent > 0 { 0 } else { polls + 1 };
            self.stuck = polls > PATIENCE;
        }
    }

    /// Sends what can go without waiting, and returns how much that was.
    pub fn send(&mut self, bytes: &[u8]) -> usize {
        let mut sent = 0;
        while sent < bytes.len() {
            match self.chip.send_bytes(&bytes[sent..]) {
                0 => break,
                more => sent += more,
            }
        }
        sent
    }

    /// Moves what the chip has received into the ring, as far as there is room.
    pub fn receive(&mut self) {
        while !self.typed.is_full() {
            let Ok(byte) = self.chip.try_receive_byte() else { break };
            self.typed.push(byte);
            // Somebody is there, and may listen again.
            self.stuck = false;
        }
    }

    /// Takes the oldest byte received.
    pub fn read(&mut self) -> Option<u8> {
        // Polled as well: after the ring was full the chip's interrupt line is high already, and
        // the interrupt controller waits for an edge.
        self.receive();
        self.typed.pop()
    }
}
