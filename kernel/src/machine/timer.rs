//! The interval timer: an alarm clock, and once the measure of the TSC.
//!
//! Channel 0 is the alarm: one interrupt, no later than asked for, and at the
//! latest after 55 ms, when whoever wanted to sleep longer sets it again.
//! Channel 2 can be watched without an interrupt, so it is what the TSC is
//! measured by.
//!
//! Invariants: waiting for channel 2 has an end ([`measure_tsc`] gives up and
//! the Host says so).
//!
//! Source: Intel 8254 data sheet; IBM PC AT Technical Reference, "System
//! control port B".
//!
//! Next on the tour: [`super::trial`].

use abi::Nanos;
use kernel::host::boot_info::BootError;
use kernel::host::pit;
use kernel::host::tsc::{Sighting, TscScale};

use super::cpu;
use super::port::Port;

// SAFETY: The timer's registers, and the port with channel 2's gate: they count and beep.
const CHANNEL_0: Port<u8> = unsafe { Port::<u8>::new(0x40) };
// SAFETY: As before.
const CHANNEL_2: Port<u8> = unsafe { Port::<u8>::new(0x42) };
// SAFETY: As before.
const COMMAND: Port<u8> = unsafe { Port::<u8>::new(0x43) };
// SAFETY: As before.
const CONTROL: Port<u8> = unsafe { Port::<u8>::new(0x61) };

/// Channel 0, both bytes, mode 0: interrupt once when the count runs out.
const ALARM: u8 = 0b0011_0000;
/// Channel 2, both bytes, mode 0: its output rises when the count runs out.
const STOPWATCH: u8 = 0b1011_0000;

/// Holds channel 2's count until it has been read.
const LATCH: u8 = 0b1000_0000;

/// Control: channel 2 counts.
const GATE: u8 = 1 << 0;
/// Control: channel 2 drives the loudspeaker.
const SPEAKER: u8 = 1 << 1;
/// Control, read only: channel 2's output.
const OUTPUT: u8 = 1 << 5;

/// What channel 2 counts down from: as far as it goes.
const FULL: u16 = u16::MAX;
/// Ticks between the two sightings: 30 ms.
const APART: u16 = 35_795;
/// Looks at both clocks for each sighting.
const LOOKS: u32 = 16;
/// Measurements before the timer is given up; one fails if it takes longer than the count.
const TRIES: u32 = 20;
/// Instructions between two looks while waiting, so that in an emulator that counts them, where a
/// look is expensive, there are few looks.
const PAUSE: u32 = 100;
/// Looks before the count is taken to stand still: seconds, on any machine.
const PATIENCE: u32 = 1_000_000;

/// Makes the timer interrupt once, after `delay` or 55 ms, whichever is less.
pub fn arm(delay: Nanos) {
    let [low, high] = pit::ticks(delay).to_le_bytes();
    COMMAND.write(ALARM);
    CHANNEL_0.write(low);
    CHANNEL_0.write(high);
}

/// The alarm's count, low bits first; what it stands at, no one can say beforehand.
pub fn count() -> u16 {
    COMMAND.write(0); // hold channel 0's count until it has been read
    u16::from_le_bytes([CHANNEL_0.read(), CHANNEL_0.read()])
}

/// Measures the TSC against channel 2.
///
/// # Errors
/// [`BootError::Timer`] if channel 2 does not count or the result is no frequency.
pub fn measure_tsc() -> Result<TscScale, BootError> {
    (0..TRIES).find_map(|_| measure_once()).ok_or(BootError::Timer)
}

/// Lets channel 2 count down once and looks twice; `None` if the count ran out meanwhile.
fn measure_once() -> Option<TscScale> {
    let control = CONTROL.read() & !(GATE | SPEAKER);
    let [low, high] = FULL.to_le_bytes();
    CONTROL.write(control);
    COMMAND.write(STOPWATCH);
    CHANNEL_2.write(low);
    CHANNEL_2.write(high);
    CONTROL.write(control | GATE);
    let first = Sighting::tightest((0..LOOKS).map(|_| sight()))?;
    let due = |_: &u32| {
        (0..PAUSE).for_each(|step| {
            core::hint::black_box(step);
        });
        first.count.wrapping_sub(sight().count) >= APART
    };
    (0..PATIENCE).find(due)?;
    let last = Sighting::tightest((0..LOOKS).map(|_| sight()))?;
    let ran_out = CONTROL.read() & OUTPUT != 0;
    CONTROL.write(control);
    if ran_out { None } else { TscScale::between(first, last) }
}

/// Looks at both clocks.
fn sight() -> Sighting {
    let before = cpu::tsc();
    COMMAND.write(LATCH);
    let after = cpu::tsc();
    let count = u16::from_le_bytes([CHANNEL_2.read(), CHANNEL_2.read()]);
    Sighting { before, count, after }
}
