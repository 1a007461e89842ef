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
//! - Nobody waits for a transmitter while a Guest could run: what the chip does not take waits in a
//!   [`Transmit`], and the chip's interrupt says when to go on ([`Serial::write`]). At the end of
//!   all waits are bounded by time ([`wait_for`]).
//! - A machine without a port is a machine without it, not an error.
//!
//! Source: National Semiconductor PC16550D data sheet.
//!
//! Next on the tour: [`super::second_line`].

use abi::Nanos;
use kernel::terminal::bytes::ByteRing;
use kernel::terminal::transmit::Transmit;
use uart_16550::backend::Backend;
use uart_16550::spec::registers::{IER, LSR, offsets};
use uart_16550::{BaudRate, Config, Uart16550};

use super::clock;
use super::port::Port;

/// The base of COM1's eight registers.
pub const COM1: u16 = 0x3F8;
/// The base of COM2's.
pub const COM2: u16 = 0x2F8;
/// Polls before the Host stops waiting for a chip that is being set up, or before there is a clock: a
/// byte at 115200 baud takes 87 µs, a poll about 1 µs.
const PATIENCE: u32 = 200_000;
/// How long the Host waits at the end of all for a line that takes nothing.
pub const LAST_PATIENCE: Nanos = Nanos::from_millis(30_000);
/// How often an interrupt looks whether there is more to do: the controller waits for an edge, and
/// there is none while the chip still wants something.
const LOOKS: u32 = 4;
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
    /// The chip interrupts when it can take more.
    is_sending: bool,
}

/// The port of one of COM1's registers.
pub const fn register(offset: u8) -> Port<u8> {
    // SAFETY: COM1's registers send and receive bytes; a UART has no way to memory.
    unsafe { Port::<u8>::new(COM1 + offset as u16) }
}

/// Waits until the transmitter is empty, as long as patience lasts. Needs no lock.
pub fn drain() {
    wait_for(LAST_PATIENCE, || register(offsets::LSR as u8).read() & LSR::TRANSMITTER_EMPTY.bits() != 0);
}

/// Asks again and again until it `is_so`, for as long as `patience` lasts, by the clock or, before
/// there is one, by counting; returns whether it is.
pub fn wait_for(patience: Nanos, mut is_so: impl FnMut() -> bool) -> bool {
    let (start, mut polls) = (clock::now(), 0);
    loop {
        if is_so() {
            return true;
        }
        polls += 1;
        let now = clock::now();
        if start.until(now) >= patience || now == Nanos(0) && polls > PATIENCE {
            return false;
        }
    }
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
        Some(Self { chip, typed, is_sending: false })
    }

    /// Sends bytes behind those that wait. What does not go now waits too.
    pub fn write<const N: usize>(&mut self, bytes: &[u8], waiting: &mut Transmit<N>) {
        let sent = if waiting.is_empty() { self.send(bytes) } else { 0 };
        if sent < bytes.len() {
            waiting.push(&bytes[sent..], clock::now());
            self.interrupt_when_empty(true);
        }
    }

    /// Sends what waits, as far as it goes now.
    pub fn go_on<const N: usize>(&mut self, waiting: &mut Transmit<N>) {
        if !waiting.is_empty() {
            waiting.drain(clock::now(), |bytes| self.send(bytes));
            self.interrupt_when_empty(!waiting.is_empty());
        }
    }

    fn interrupt_when_empty(&mut self, wanted: bool) {
        if wanted != self.is_sending {
            self.is_sending = wanted;
            match wanted {
                true => self.chip.enable_interrupts(IER::THR_EMPTY),
                false => self.chip.disable_interrupts(IER::THR_EMPTY),
            }
        }
    }

    /// Serves the chip's interrupt: fetches what has come, and sends what waits. Returns whether
    /// anything has come.
    pub fn interrupted<const N: usize>(&mut self, waiting: &mut Transmit<N>) -> bool {
        let room = self.typed.room();
        for _ in 0..LOOKS {
            self.receive();
            self.go_on(waiting);
            if !self.chip.isr().has_pending_interrupt() {
                break;
            }
        }
        self.typed.room() < room
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
