//! From the battery clock's registers to seconds since 1970.
//!
//! The chip counts in decimal digits or in binary, in 12 or in 24 hours, as
//! whoever set it liked; two bits of its status say which. It knows two digits
//! of the year.
//!
//! Invariants: every combination of the two bits reads the same time
//! (`the_same_moment_in_all_four_notations`); registers that hold no date give
//! none (`what_is_no_date_is_none`).
//!
//! Source: Motorola MC146818A data sheet, "Time, calendar, and alarm
//! locations", "Register B".
//!
//! Next on the tour: [`super::wall`].

/// Status B: hours run to 23, not to 12 twice.
const HOURS_24: u8 = 1 << 1;
/// Status B: values are binary, not decimal digits.
const BINARY: u8 = 1 << 2;
/// Hour register in 12-hour mode: afternoon.
const AFTERNOON: u8 = 1 << 7;

/// The registers as read between two updates.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the fields are the registers of these names")]
pub struct RtcRegisters {
    pub second: u8,
    pub minute: u8,
    pub hour: u8,
    pub day: u8,
    pub month: u8,
    pub year: u8,
    pub status_b: u8,
}

impl RtcRegisters {
    /// Seconds since 1970 began, taking years 70 to 99 as 19xx; `None` if this is no date.
    pub fn seconds(self) -> Option<u32> {
        let hour = self.hour_of_day()?;
        let [second, minute] = [self.number(self.second)?, self.number(self.minute)?];
        let [day, month, year] = [self.number(self.day)?, self.number(self.month)?, self.number(self.year)?];
        let in_range = second < 60 && minute < 60 && (1..=31).contains(&day) && (1..=12).contains(&month);
        if !in_range || year > 99 {
            return None;
        }
        let year = if year < 70 { 2000 + year } else { 1900 + year };
        Some(((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second)
    }

    fn hour_of_day(self) -> Option<u32> {
        if self.status_b & HOURS_24 != 0 {
            return self.number(self.hour).filter(|&hour| hour < 24);
        }
        let hour = self.number(self.hour & !AFTERNOON).filter(|hour| (1..=12).contains(hour))?;
        let afternoon = if self.hour & AFTERNOON != 0 { 12 } else { 0 };
        Some(hour % 12 + afternoon)
    }

    /// A register's value; `None` if a decimal digit is none.
    fn number(self, register: u8) -> Option<u32> {
        if self.status_b & BINARY != 0 {
            return Some(register.into());
        }
        let (tens, ones) = (register >> 4, register & 0xF);
        (tens < 10 && ones < 10).then(|| u32::from(tens * 10 + ones))
    }
}

/// Days from 1970-01-01 to a date up to 2069: every fourth year has a leap day in that span.
fn days(year: u32, month: u32, day: u32) -> u32 {
    const BEFORE: [u32; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let leap_days_before = (year - 1969) / 4;
    let leap_day = u32::from(year.is_multiple_of(4) && month > 2);
    (year - 1970) * 365 + leap_days_before + BEFORE[month as usize - 1] + leap_day + day - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-20 21:07:59, in decimal digits and 24 hours.
    const MOMENT: RtcRegisters = RtcRegisters {
        second: 0x59,
        minute: 0x07,
        hour: 0x21,
        day: 0x20,
        month: 0x11,
        year: 0x26,
        status_b: HOURS_24,
    };

    #[test]
    fn the_same_moment_in_all_four_notations() {
        let binary = RtcRegisters {
            second: 59,
            minute: 7,
            hour: 21,
            day: 20,
            month: 11,
            year: 26,
            status_b: HOURS_24 | BINARY,
        };
        let binary_12 = RtcRegisters { hour: 9 | AFTERNOON, status_b: BINARY, ..binary };
        let decimal_12 = RtcRegisters { hour: 0x09 | AFTERNOON, status_b: 0, ..MOMENT };
        for registers in [MOMENT, binary, binary_12, decimal_12] {
            assert_eq!(registers.seconds(), Some(1_795_208_879), "{registers:?}");
        }
    }

    #[test]
    fn noon_and_midnight_are_twelve() {
        let at = |hour| RtcRegisters { hour, status_b: 0, ..MOMENT }.hour_of_day();
        assert_eq!((at(0x12), at(0x12 | AFTERNOON), at(0x01)), (Some(0), Some(12), Some(1)));
        assert_eq!((at(0x00), at(0x13)), (None, None));
    }

    #[test]
    fn leap_days_count() {
        let at = |year, month, day| RtcRegisters {
            second: 0,
            minute: 0,
            hour: 0,
            day,
            month,
            year,
            status_b: HOURS_24 | BINARY,
        };
        assert_eq!(at(70, 1, 1).seconds(), Some(0));
        assert_eq!(at(0, 2, 29).seconds(), Some(951_782_400));
        assert_eq!(at(0, 3, 1).seconds(), Some(951_868_800));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for broken in [
            RtcRegisters { second: 0x5A, ..MOMENT },
            RtcRegisters { minute: 0x60, ..MOMENT },
            RtcRegisters { hour: 0x24, ..MOMENT },
            RtcRegisters { month: 0, ..MOMENT },
            RtcRegisters { day: 0x32, ..MOMENT },
        ] {
            assert_eq!(broken.seconds(), None, "{broken:?}");
        }
    }
}
