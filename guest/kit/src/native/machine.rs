//! The devices and registers of a PC that a Guest never sees.
//!
//! Just enough for a measurement: an interrupt controller with one line open,
//! a one-shot timer, a serial port, a way to stop the emulator.
//!
//! Source: Intel 8259A, 8254 and 16550 data sheets; QEMU's isa-debug-exit.
//!
//! Next on the tour: the demo.

use core::arch::asm;
use core::sync::atomic::Ordering;

use abi::{GuestLinear, GuestPhys, Nanos};

use crate::shared;

const COM1: u16 = 0x3F8;
const LINE_STATUS: u16 = COM1 + 5;
const TRANSMITTER_EMPTY: u8 = 1 << 5;
const DEBUG_EXIT: u16 = 0xF4;
const PIC: u16 = 0x20;
const SLAVE_PIC: u16 = 0xA0;
const PIT_COUNTER: u16 = 0x40;
const PIT_CONTROL: u16 = 0x43;
/// Counter 0, both bytes, mode 0: one interrupt when it reaches zero.
const ONE_SHOT: u8 = 0x30;
/// Nanoseconds in 65536 ticks of 1.193182 MHz: the longest alarm.
const ALARM_MAX: u64 = 54_925_000;
/// CR0.TS.
const TS: u32 = 1 << 3;
/// QEMU's `-icount shift=0` makes the TSC count one instruction each nanosecond.
const TSC_KHZ: u32 = 1_000_000;

fn out(port: u16, value: u8) {
    // SAFETY: the ports of this module belong to devices that do not touch memory.
    unsafe { asm!("out dx, al", in("dx") port, in("al") value, options(nomem, nostack)) }
}

fn inb(port: u16) -> u8 {
    let value: u8;
    // SAFETY: as for `out`.
    unsafe { asm!("in al, dx", in("dx") port, out("al") value, options(nomem, nostack)) };
    value
}

/// Sets up the interrupt controller and the serial port, and lets interrupts in: from here on the
/// flag in memory decides.
pub(super) fn init() {
    for (port, vectors, wiring) in [(PIC, 0x20, 4), (SLAVE_PIC, 0x28, 2)] {
        out(port, 0x11);
        [vectors, wiring, 1].into_iter().for_each(|word| out(port + 1, word));
    }
    out(PIC + 1, !1);
    out(SLAVE_PIC + 1, !0);
    for (register, value) in [(3, 0x80), (0, 1), (1, 0), (3, 0x03), (2, 0x07)] {
        out(COM1 + register, value); // 115200 baud, 8N1, FIFO
    }
    set_alarm(Nanos(ALARM_MAX)); // stops the BIOS's periodic tick
    shared::tsc_khz().store(TSC_KHZ, Ordering::Relaxed);
}

/// Sends one byte to the serial port.
pub(super) fn send(byte: u8) {
    while inb(LINE_STATUS) & TRANSMITTER_EMPTY == 0 {}
    out(COM1, byte);
}

/// Ends the emulator.
pub(super) fn end() -> ! {
    out(DEBUG_EXIT, 0);
    loop {
        sleep();
    }
}

/// Waits for a real interrupt.
pub(super) fn sleep() {
    // SAFETY: handlers of real interrupts keep every register; `sti` covers the `hlt`.
    unsafe { asm!("sti", "hlt", "cli") };
}

/// Lets real interrupts in from now on.
pub fn open() {
    // SAFETY: gates and stack for them are set up by the time `main` runs.
    unsafe { asm!("sti") };
}

/// Programs the one-shot timer; zero stops it.
///
/// # Panics
/// If `delay` is beyond what the timer can count.
pub fn set_alarm(delay: Nanos) {
    assert!(delay.0 <= ALARM_MAX, "the bare machine's timer reaches 54.9 ms");
    let ticks = (delay.0 * 1_193_182 / 1_000_000_000).max(1) as u16;
    out(PIT_CONTROL, ONE_SHOT);
    if delay != Nanos(0) {
        ticks.to_le_bytes().into_iter().for_each(|byte| out(PIT_COUNTER, byte));
    }
}

/// Loads CR3.
pub fn load_root(root: GuestPhys) {
    // SAFETY: every root of the kit maps the kernel half.
    unsafe { asm!("mov cr3, {}", in(reg) root.0) };
}

/// Drops everything from the TLB.
pub fn forget_all() {
    // SAFETY: the tables stay the same.
    unsafe { asm!("mov {root}, cr3", "mov cr3, {root}", root = out(reg) _) };
}

/// Drops one page from the TLB.
pub fn forget_page(at: GuestLinear) {
    // SAFETY: the tables stay the same.
    unsafe { asm!("invlpg [{}]", in(reg) at.0) };
}

/// Sets or clears CR0.TS.
pub(super) fn set_ts(set: bool) {
    // SAFETY: decides only whether the next FPU instruction traps.
    unsafe {
        asm!("mov {cr0}, cr0", "and {cr0}, {keep}", "or {cr0}, {set}", "mov cr0, {cr0}",
            cr0 = out(reg) _, keep = const !TS as i32, set = in(reg) if set { TS } else { 0 });
    }
}
