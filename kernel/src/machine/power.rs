//! The end of the machine.
//!
//! A script wants an exit code, a person wants the machine off. QEMU's debug
//! exit device gives the first, if the command line says it is there; the
//! power management of the PIIX4 chip gives the second, on QEMU and Bochs as
//! on the boards that have the chip. Its ports are taken from its PCI
//! configuration, so nothing is written on a machine without one. Anything
//! else halts and says so.
//!
//! Invariants: no port is written that was not found or promised first; the last
//! byte has left the serial line before the power goes.
//!
//! Source: Intel 82371AB (PIIX4) data sheet, "Power management function",
//! PMBA, PMREGMISC, PMCNTRL; PCI Local Bus Specification 2.1, "Configuration
//! mechanism #1".
//!
//! Next on the tour: [`super::cpu`].

use core::sync::atomic::{AtomicBool, Ordering};

use super::console;
use super::port::Port;
use crate::host;

/// How it went, as scripts see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum ExitCode {
    /// Every Guest powered off by itself.
    Done = 0,
    /// Some Guest was killed.
    Killed = 1,
    /// The Host could not do what the configuration asked.
    Configuration = 2,
    /// The Host was wrong.
    Panic = 3,
    /// The person left with Ctrl-A x before the Guests were done.
    Left = 4,
}

impl ExitCode {
    /// Of two that both apply, the one to tell: a bad configuration hides a killed Guest.
    pub fn or(self, other: Self) -> Self {
        if self as u8 >= other as u8 { self } else { other }
    }
}

/// Looks at the control port, of about a microsecond each, that switching off may take.
const PATIENCE: u32 = 2_000_000;

/// Whether QEMU's `isa-debug-exit` is there, by the command line's word for it.
static DEBUG_EXIT: AtomicBool = AtomicBool::new(false);
/// QEMU's exit device; its status is twice what is written, plus one.
const DEBUG_EXIT_PORT: u16 = 0xF4;

// SAFETY: Configuration mechanism #1; the Host only ever reads configuration by it.
const PCI_ADDRESS: Port<u32> = unsafe { Port::<u32>::new(0xCF8) };
// SAFETY: As before.
const PCI_DATA: Port<u32> = unsafe { Port::<u32>::new(0xCFC) };

/// Vendor and device of the PIIX4's power management function.
const PIIX4_PM: u32 = 0x7113_8086;
/// Configuration register: base of the power management ports, bit 0 always set.
const PMBA: u32 = 0x40;
/// Configuration register: bit 0 says the ports are decoded.
const PMREGMISC: u32 = 0x80;
/// Offset of the control port.
const PMCNTRL: u16 = 4;
/// Suspend type 0 is "soft off"; bit 13 says now.
const SOFT_OFF: u16 = 1 << 13;

/// Promises that [`off`] may use QEMU's debug exit device.
pub fn has_debug_exit() {
    DEBUG_EXIT.store(true, Ordering::Relaxed);
}

/// Says the end and ends the machine.
pub fn end(code: ExitCode) -> ! {
    host!("end, exit code {}", code as u8);
    console::drain();
    off(code)
}

/// Ends the machine without another word, except where it cannot be switched off.
pub fn off(code: ExitCode) -> ! {
    if DEBUG_EXIT.load(Ordering::Relaxed) {
        // SAFETY: The command line promises that the exit device is there.
        let exit = unsafe { Port::<u8>::new(DEBUG_EXIT_PORT) };
        exit.write(code as u8);
    }
    if let Some(base) = power_management() {
        // SAFETY: It is the PIIX4's control port, which switches power and nothing else.
        let control = unsafe { Port::<u16>::new(base + PMCNTRL) };
        control.write(SOFT_OFF);
        // It takes a moment, in which nothing more should be said.
        for _ in 0..PATIENCE {
            control.read();
        }
    }
    if code != ExitCode::Panic {
        host!("the machine may be switched off");
        console::drain();
    }
    loop {
        super::cpu::halt();
    }
}

/// The base of the PIIX4's power management ports, if there is one and it is enabled.
fn power_management() -> Option<u16> {
    let function = (0..32 * 8).find(|&function| configuration(function, 0) == PIIX4_PM)?;
    let decoded = configuration(function, PMREGMISC) & 1 != 0;
    decoded.then(|| configuration(function, PMBA) as u16 & 0xFFC0)
}

/// A dword of the configuration of a function (device times 8 plus function) on bus 0.
fn configuration(function: u32, register: u32) -> u32 {
    PCI_ADDRESS.write(1 << 31 | function << 8 | register);
    PCI_DATA.read()
}
