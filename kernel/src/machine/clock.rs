//! What time it is.
//!
//! The TSC, scaled, counts from the Host's start and never goes back. The
//! battery clock is read once and says when that start was.
//!
//! Invariants: reading the battery clock ends, whatever the chip does
//! ([`WAIT`]).
//!
//! Source: Motorola MC146818A data sheet, "Update cycle".
//!
//! Next on the tour: [`super::selftest`].

use abi::Nanos;
use kernel::cpu::tsc::elapsed;
use kernel::platform::boot_info::BootError;
use kernel::platform::rtc::RtcRegisters;
use kernel::platform::tsc::TscScale;
use spin::Once;

use super::cpu;
use super::port::Port;
use super::timer;

static CLOCK: Once<Clock> = Once::new();

struct Clock {
    scale: TscScale,
    start: u64,
    /// Seconds since 1970 at `start`; 0 if the battery clock holds no date.
    start_seconds: u32,
}

// SAFETY: The battery clock's index and data registers. Bit 7 of the index would keep NMIs out;
// it is never set.
const INDEX: Port<u8> = unsafe { Port::<u8>::new(0x70) };
// SAFETY: As before.
const DATA: Port<u8> = unsafe { Port::<u8>::new(0x71) };

const STATUS_A: u8 = 0x0A;
const STATUS_B: u8 = 0x0B;
/// Status A: the registers are about to change.
const UPDATE_IN_PROGRESS: u8 = 1 << 7;
/// Looks at a clock that is busy: an update takes 2 ms, a look about 2 µs.
const WAIT: u32 = 20_000;
/// Looks until a second has passed for sure, on any machine.
const SECOND_WAIT: u32 = 3_000_000;

/// Measures the TSC, by ACPI's timer at the port `acpi` if by nothing else, reads the battery clock,
/// starts to count.
///
/// # Errors
/// [`BootError::Timer`] if the TSC cannot be measured, [`BootError::Alarm`] if there is no alarm.
pub fn start(acpi: Option<u16>) -> Result<(), BootError> {
    let scale = timer::measure_tsc(acpi, &mut next_second)?;
    let start_seconds = battery_clock().and_then(RtcRegisters::seconds).unwrap_or(0);
    CLOCK.call_once(|| Clock { scale, start: cpu::tsc(), start_seconds });
    Ok(())
}

/// Time since the Host started; 0 before [`start`].
#[inline]
pub fn now() -> Nanos {
    CLOCK.get().map_or(Nanos(0), |clock| clock.scale.nanos(elapsed(clock.start, cpu::tsc())))
}

/// Longer than any slice, in nanoseconds as in ticks, and short enough for the arithmetic.
pub const FAR: u64 = 1 << 40;

/// What the TSC will show at `at`, or in a while that is long enough.
pub fn tsc_at(at: Nanos) -> u64 {
    let away = now().until(at).0.min(FAR);
    cpu::tsc().wrapping_add(away / 1_000 * u64::from(tsc_khz()) / 1_000)
}

/// The TSC's frequency in kHz; 0 before [`start`].
pub fn tsc_khz() -> u32 {
    CLOCK.get().map_or(0, |clock| clock.scale.khz())
}

/// Seconds since 1970 when the Host's own count began; 0 if the machine knows no date.
pub fn epoch() -> u32 {
    CLOCK.get().map_or(0, |clock| clock.start_seconds)
}

/// Seconds since 1970, and nanoseconds; since the Host's start if the machine knows no date.
pub fn wall_clock() -> (u32, u32) {
    const SECOND: u64 = 1_000_000_000;
    let Nanos(since) = now();
    (epoch().saturating_add((since / SECOND) as u32), (since % SECOND) as u32)
}

/// Waits for a second of the battery clock to begin; false if none does.
fn next_second() -> bool {
    let is_updating = || register(STATUS_A) & UPDATE_IN_PROGRESS != 0;
    (0..SECOND_WAIT).any(|_| !is_updating()) && (0..SECOND_WAIT).any(|_| is_updating())
}

/// The registers, read twice the same, between two updates; `None` from a chip that is never done.
fn battery_clock() -> Option<RtcRegisters> {
    let settled = || (0..WAIT).any(|_| register(STATUS_A) & UPDATE_IN_PROGRESS == 0);
    let mut last = None;
    for _ in 0..4 {
        if !settled() {
            return None;
        }
        let now = registers();
        if last == Some(now) {
            return last;
        }
        last = Some(now);
    }
    None
}

fn registers() -> RtcRegisters {
    RtcRegisters {
        second: register(0x00),
        minute: register(0x02),
        hour: register(0x04),
        day: register(0x07),
        month: register(0x08),
        year: register(0x09),
        status_b: register(STATUS_B),
    }
}

fn register(number: u8) -> u8 {
    INDEX.write(number);
    DATA.read()
}
