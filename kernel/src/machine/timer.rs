//! The interval timer: an alarm clock, and once the measure of the TSC.
//!
//! Channel 0 is the alarm: one interrupt, no later than asked for, and at the
//! latest after 55 ms, when whoever wanted to sleep longer sets it again.
//! What counts on a machine differs, and an emulator may lack some of it, so the
//! TSC is measured by the first of these that does:
//!
//! ```text
//!   timer channel 2 --> timer channel 0 --> ACPI's timer --> battery clock --> what CPUID says
//! ```
//!
//! Invariants: waiting for a counter has an end ([`measure_tsc`] gives up and
//! the Host says so).
//!
//! Source: Intel 8254 data sheet; IBM PC AT Technical Reference, "System
//! control port B".
//!
//! Next on the tour: [`super::trial`].

use abi::Nanos;
use kernel::platform::boot_info::BootError;
use kernel::platform::pit;
use kernel::platform::tsc::{Counter, Sighting, TscScale};

use super::cpu;
use super::port::Port;
use crate::host;

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

/// Holds a channel's count until it has been read: channel 2's, and channel 0's.
const LATCH_2: u8 = 0b1000_0000;
const LATCH_0: u8 = 0b0000_0000;

/// Control: channel 2 counts.
const GATE: u8 = 1 << 0;
/// Control: channel 2 drives the loudspeaker.
const SPEAKER: u8 = 1 << 1;
/// What a channel counts down from: as far as it goes.
const FULL: u16 = u16::MAX;
/// The part of a second between two sightings, in 1/1000: less than a channel lasts.
const APART: u32 = 20;
/// Looks at both clocks for each sighting.
const LOOKS: u32 = 16;
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
    COMMAND.write(LATCH_0);
    u16::from_le_bytes([CHANNEL_0.read(), CHANNEL_0.read()])
}

/// Measures the TSC by whatever counts; `acpi` is the port of ACPI's timer, and `next_second` waits
/// for a second of the battery clock to begin.
///
/// # Errors
/// [`BootError::Alarm`] if the alarm's channel does not count; [`BootError::Timer`] if nothing tells
/// the frequency.
pub fn measure_tsc(acpi: Option<u16>, next_second: &mut dyn FnMut() -> bool) -> Result<TscScale, BootError> {
    start_alarm();
    // Asked first: once the alarm has gone off, v86's channel stands still.
    if !counts(&|| count().into()) {
        return Err(BootError::Alarm);
    }
    let by_alarm = measure(&Counter::PIT_0, &|| count().into());
    start_stopwatch();
    let by_stopwatch = measure(&Counter::PIT_2, &stopwatch);
    CONTROL.write(CONTROL.read() & !GATE);
    if let Some(scale) = by_stopwatch {
        return Ok(scale);
    }
    let found = by_alarm.map(|scale| (scale, Counter::PIT_0.name));
    let found = found.or_else(|| Some((by_acpi(acpi?)?, Counter::ACPI.name)));
    let found = found.or_else(|| Some((by_seconds(next_second)?, Counter::RTC.name)));
    let found = found.or_else(|| Some((TscScale::told(cpu::told_tsc_hertz()?)?, "CPUID")));
    let (scale, by) = found.ok_or(BootError::Timer)?;
    host!("time: measured by {by}, as {} does not count", Counter::PIT_2.name);
    Ok(scale)
}

/// Lets the alarm's channel count down from the top.
fn start_alarm() {
    let [low, high] = FULL.to_le_bytes();
    COMMAND.write(ALARM);
    CHANNEL_0.write(low);
    CHANNEL_0.write(high);
}

/// Lets channel 2 count down from the top, in silence.
fn start_stopwatch() {
    let control = CONTROL.read() & !(GATE | SPEAKER);
    let [low, high] = FULL.to_le_bytes();
    CONTROL.write(control);
    COMMAND.write(STOPWATCH);
    CHANNEL_2.write(low);
    CHANNEL_2.write(high);
    CONTROL.write(control | GATE);
}

fn stopwatch() -> u32 {
    COMMAND.write(LATCH_2);
    u16::from_le_bytes([CHANNEL_2.read(), CHANNEL_2.read()]).into()
}

fn by_acpi(port: u16) -> Option<TscScale> {
    // SAFETY: Firmware says that its timer is there; reading it changes nothing.
    let port = unsafe { Port::<u32>::new(port) };
    measure(&Counter::ACPI, &|| port.read())
}

/// Two whole seconds, the first of which is thrown away.
fn by_seconds(next_second: &mut dyn FnMut() -> bool) -> Option<TscScale> {
    let mut edge = |count| {
        next_second().then(|| {
            let tsc = cpu::tsc();
            Sighting { before: tsc, count, after: tsc }
        })
    };
    let mut first = edge(0)?;
    let mut number = 0;
    TscScale::agreed(|| {
        number += 1;
        let last = edge(number)?;
        TscScale::between(core::mem::replace(&mut first, last), last, &Counter::RTC)
    })
}

/// Whether a counter moves at all.
fn counts(read: &dyn Fn() -> u32) -> bool {
    let first = read();
    (0..PATIENCE).any(|_| read() != first)
}

/// The scale that several measurements by a counter agree on.
fn measure(counter: &Counter, read: &dyn Fn() -> u32) -> Option<TscScale> {
    counts(read).then(|| TscScale::agreed(|| measure_once(counter, read))).flatten()
}

/// Looks twice; `None` if what was counted meanwhile makes no sense.
fn measure_once(counter: &Counter, read: &dyn Fn() -> u32) -> Option<TscScale> {
    let apart = counter.frequency / 1000 * APART;
    let first = Sighting::tightest((0..LOOKS).map(|_| sight(read)))?;
    let due = |_: &u32| {
        (0..PAUSE).for_each(|step| {
            core::hint::black_box(step);
        });
        counter.ticks(first.count, sight(read).count) >= apart
    };
    (0..PATIENCE).find(due)?;
    let last = Sighting::tightest((0..LOOKS).map(|_| sight(read)))?;
    TscScale::between(first, last, counter)
}

/// Looks at both clocks.
fn sight(read: &dyn Fn() -> u32) -> Sighting {
    let before = cpu::tsc();
    let count = read();
    Sighting { before, count, after: cpu::tsc() }
}
