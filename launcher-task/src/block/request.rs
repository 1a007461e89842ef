//! A block request, taken apart: what a driver wants, and whether it may.
//!
//! Pure: a copy of the header and three lengths go in, what to do comes out.
//! Nothing of the disk is touched before the whole request has been judged.
//!
//! ```text
//!   chain    | header 16 | data to write |       data read | status 1 |
//!            |<------ readable --------->|<------ writable ---------->|
//! ```
//!
//! Where one descriptor ends and the next begins does not matter.
//!
//! Invariants:
//! - What is let through lies on the disk, in whole sectors
//!   (`any_request_is_refused_or_lies_on_the_disk`).
//! - A disk for reading only is never written (`a_read_only_disk_refuses_to_be_written`).
//!
//! Source: virtio 1.0, "Block Device: Device Operation".
//!
//! Next on the tour: `block/store.rs`.

/// Bytes of a sector, the unit of all positions.
pub const SECTOR: u64 = 512;
/// Bytes of a request's header.
pub const HEADER_LEN: usize = 16;

/// Types of request.
const IN: u32 = 0;
const OUT: u32 = 1;
const FLUSH: u32 = 4;
const GET_ID: u32 = 8;
/// Drivers of before 2.6.37 may mark a write before which all others must be done; all are, always.
const BARRIER: u32 = 1 << 31;

/// How a request ended, as the driver reads it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Status {
    /// As asked.
    Ok = 0,
    /// Not at all; no byte was moved.
    IoError = 1,
    /// There is no such request.
    Unsupported = 2,
}

/// What is to be done; positions and lengths in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Work {
    /// From the disk to the Guest.
    Read {
        /// First byte on the disk.
        at: usize,
        /// Bytes.
        len: usize,
    },
    /// From the Guest to the disk.
    Write {
        /// First byte on the disk.
        at: usize,
        /// Bytes.
        len: usize,
    },
    /// The disk's name to the Guest.
    Identify,
    /// Nothing but to say how it went.
    Answer(Status),
}

/// What the disk is like that a request is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Geometry {
    /// Its size.
    pub sectors: u64,
    /// It may not be written.
    pub is_read_only: bool,
}

/// Judges a request: its header as far as it goes, and the bytes of data the driver gives and
/// takes, without header and status.
pub fn judge(header: Option<[u8; HEADER_LEN]>, given: u64, taken: u64, disk: Geometry) -> Work {
    let Some([t0, t1, t2, t3, _, _, _, _, sector @ ..]) = header else {
        return Work::Answer(Status::IoError);
    };
    let place = |len| locate(u64::from_le_bytes(sector), len, disk.sectors);
    match u32::from_le_bytes([t0, t1, t2, t3]) & !BARRIER {
        IN => place(taken).map_or(Work::Answer(Status::IoError), |(at, len)| Work::Read { at, len }),
        OUT if disk.is_read_only => Work::Answer(Status::IoError),
        OUT => place(given).map_or(Work::Answer(Status::IoError), |(at, len)| Work::Write { at, len }),
        FLUSH => Work::Answer(Status::Ok), // memory is as stable as it gets
        GET_ID => Work::Identify,
        _ => Work::Answer(Status::Unsupported),
    }
}

/// The place of `len` bytes from `sector` on, if they are whole sectors of the disk.
fn locate(sector: u64, len: u64, sectors: u64) -> Option<(usize, usize)> {
    let end = sector.checked_add(len / SECTOR)?;
    let is_there = len.is_multiple_of(SECTOR) && end <= sectors;
    // What lies on the disk lies in this machine's memory, so its numbers are addresses' size.
    is_there.then(|| Some((usize::try_from(sector * SECTOR).ok()?, usize::try_from(len).ok()?)))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DISK: Geometry = Geometry { sectors: 8, is_read_only: false };
    const ERROR: Work = Work::Answer(Status::IoError);

    fn header(kind: u32, sector: u64) -> Option<[u8; HEADER_LEN]> {
        let mut bytes = [0xEE; HEADER_LEN];
        bytes[..4].copy_from_slice(&kind.to_le_bytes());
        bytes[8..].copy_from_slice(&sector.to_le_bytes());
        Some(bytes)
    }

    #[test]
    fn a_request_on_the_disk_is_let_through() {
        assert_eq!(judge(header(IN, 7), 0, 512, DISK), Work::Read { at: 3584, len: 512 });
        assert_eq!(judge(header(IN, 0), 0, 4096, DISK), Work::Read { at: 0, len: 4096 });
        assert_eq!(judge(header(OUT, 1), 1024, 0, DISK), Work::Write { at: 512, len: 1024 });
        assert_eq!(judge(header(OUT | BARRIER, 1), 512, 0, DISK), Work::Write { at: 512, len: 512 });
        assert_eq!(judge(header(IN, 8), 0, 0, DISK), Work::Read { at: 4096, len: 0 }, "nothing at the end");
    }

    #[test]
    fn a_request_off_the_disk_is_an_error() {
        for (sector, len) in [(8, 512), (7, 1024), (0, 4608), (u64::MAX, 512), (1 << 55, 512), (9, 0)] {
            assert_eq!(judge(header(IN, sector), 0, len, DISK), ERROR, "{sector} {len}");
            assert_eq!(judge(header(OUT, sector), len, 0, DISK), ERROR, "{sector} {len}");
        }
        assert_eq!(judge(header(IN, u64::MAX), 0, u64::MAX, DISK), ERROR);
    }

    #[test]
    fn part_of_a_sector_is_an_error() {
        for len in [1, 511, 513, 1023] {
            assert_eq!(judge(header(IN, 0), 0, len, DISK), ERROR);
            assert_eq!(judge(header(OUT, 0), len, 0, DISK), ERROR);
        }
    }

    #[test]
    fn a_read_only_disk_refuses_to_be_written() {
        let disk = Geometry { is_read_only: true, ..DISK };
        assert_eq!(judge(header(OUT, 0), 512, 0, disk), ERROR);
        assert_eq!(judge(header(OUT, 0), 0, 0, disk), ERROR);
        assert_eq!(judge(header(FLUSH, 0), 0, 0, disk), Work::Answer(Status::Ok));
    }

    #[test]
    fn what_is_no_request_is_answered_too() {
        assert_eq!(judge(None, 0, 512, DISK), ERROR);
        for kind in [2, 3, 5, 7, 9, 0x100, u32::MAX] {
            assert_eq!(judge(header(kind, 0), 0, 512, DISK), Work::Answer(Status::Unsupported));
        }
        assert_eq!(judge(header(GET_ID, u64::MAX), 0, 20, DISK), Work::Identify);
    }

    proptest! {
        #[test]
        fn any_request_is_refused_or_lies_on_the_disk(
            kind in prop_oneof![0u32..9, any::<u32>()],
            sector in prop_oneof![0u64..10, any::<u64>()],
            given in prop_oneof![(0u64..10).prop_map(|n| n * 512), 0u64..5000, any::<u64>()],
            taken in prop_oneof![(0u64..10).prop_map(|n| n * 512), 0u64..5000, any::<u64>()],
            is_read_only: bool,
        ) {
            let disk = Geometry { is_read_only, ..DISK };
            match judge(header(kind, sector), given, taken, disk) {
                Work::Read { at, len } => prop_assert!(at + len <= 4096 && len as u64 == taken),
                Work::Write { at, len } => {
                    prop_assert!(at + len <= 4096 && len as u64 == given && !is_read_only);
                }
                Work::Identify | Work::Answer(_) => {}
            }
        }
    }
}
