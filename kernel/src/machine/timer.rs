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
//! Next on the tour: [`super::clock`].

use abi::Nanos;
use kernel::host::boot_info::BootError;
use kernel::host::pit;
use kernel::host::tsc::TscScale;

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

/// Control: channel 2 counts.
const GATE: u8 = 1 << 0;
/// Control: channel 2 drives the loudspeaker.
const SPEAKER: u8 = 1 << 1;
/// Control, read only: channel 2's output.
const OUTPUT: u8 = 1 << 5;

/// Length of a measurement in ticks: 10 ms.
const MEASURE: u16 = 11_932;
/// Measurements; the shortest counts, for whatever disturbs one makes it longer.
const TRIES: u32 = 5;
/// Instructions between two looks at the output, so that in an emulator that counts them, where a
/// look is expensive, there are few looks; in time it is far below the precision needed.
const PAUSE: u32 = 100;
/// Looks before the timer is given up: seconds, on any machine.
const PATIENCE: u32 = 4_000_000;

/// Makes the timer interrupt once, after `delay` or 55 ms, whichever is less.
pub fn arm(delay: Nanos) {
    let [low, high] = pit::ticks(delay).to_le_bytes();
    COMMAND.write(ALARM);
    CHANNEL_0.write(low);
    CHANNEL_0.write(high);
}

/// Measures the TSC against channel 2.
///
/// # Errors
/// [`BootError::Timer`] if channel 2 does not count or the result is no frequency.
pub fn measure_tsc() -> Result<TscScale, BootError> {
    let cycles = (0..TRIES).map(|_| measure_once()).min().flatten();
    cycles.and_then(|cycles| TscScale::admit(cycles, MEASURE)).ok_or(BootError::Timer)
}

/// TSC cycles while channel 2 counts [`MEASURE`] ticks.
fn measure_once() -> Option<u64> {
    let control = CONTROL.read() & !(GATE | SPEAKER);
    let [low, high] = MEASURE.to_le_bytes();
    CONTROL.write(control);
    COMMAND.write(STOPWATCH);
    CHANNEL_2.write(low);
    CHANNEL_2.write(high);
    let start = cpu::tsc();
    CONTROL.write(control | GATE);
    let done = (0..PATIENCE).find(|_| {
        (0..PAUSE).for_each(|step| {
            core::hint::black_box(step);
        });
        CONTROL.read() & OUTPUT != 0
    });
    let end = cpu::tsc();
    CONTROL.write(control);
    done.map(|_| end - start)
}
