//! What can be wrong with an image and what comes with it.
//!
//! Next on the tour: [`crate::elf`].

use core::fmt;

use abi::GuestPhys;

use crate::{bzimage::BzImageError, elf::ElfError, layout::Area};

/// Why an image cannot be loaded; `Display` is the rest of a sentence that begins with the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ImageError {
    /// Neither of the kinds the Launcher knows.
    UnknownKind,
    /// A bzImage, but nothing a Guest could run.
    BzImage(BzImageError),
    /// ELF, but nothing a Guest could run.
    Elf(ElfError),
    /// A segment where something else is, or nothing.
    Obstacle {
        /// Its program header's number.
        segment: u16,
        /// Its first address.
        at: GuestPhys,
        /// Its bytes in memory.
        len: u32,
        /// What is in its way.
        area: Area,
    },
    /// Two segments in one place.
    Overlap {
        /// The first one's program header.
        first: u16,
        /// The second one's.
        second: u16,
    },
    /// It would start where it has loaded nothing.
    EntryOutside {
        /// The address.
        entry: GuestPhys,
    },
    /// It unpacks itself to where there is no memory, or the initrd.
    TooLittleMemory {
        /// MiB that would do, its initrd included.
        wanted: u64,
    },
    /// The initrd does not fit beside it.
    InitrdTooLong {
        /// Its bytes.
        len: usize,
    },
    /// The command line does not fit its place.
    CommandLineTooLong {
        /// Its bytes.
        len: usize,
        /// How many fit.
        max: usize,
    },
    /// The command line makes the Guest look for its devices where they are not.
    MovesDevices,
}

impl From<ElfError> for ImageError {
    fn from(error: ElfError) -> Self {
        Self::Elf(error)
    }
}

impl From<BzImageError> for ImageError {
    fn from(error: BzImageError) -> Self {
        Self::BzImage(error)
    }
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::UnknownKind => f.write_str("is neither a bzImage nor an ELF file"),
            Self::BzImage(error) => error.fmt(f),
            Self::Elf(error) => error.fmt(f),
            Self::Obstacle { segment, at, len, area } => {
                write!(f, "has a segment {segment} of {len} bytes at {at}, which {area}")
            }
            Self::Overlap { first, second } => write!(f, "has segments {first} and {second} overlap"),
            Self::EntryOutside { entry } => write!(f, "would start at {entry}, outside its segments"),
            Self::TooLittleMemory { wanted } => {
                write!(f, "cannot start: it needs more memory; give it mem={wanted}M")
            }
            Self::InitrdTooLong { len } => {
                write!(
                    f,
                    "cannot start: its initrd of {len} bytes leaves no room in memory; give it more with mem="
                )
            }
            Self::CommandLineTooLong { len, max } => {
                write!(f, "cannot start: its command line has {len} bytes, and {max} fit")
            }
            Self::MovesDevices => f.write_str(
                "cannot start: mem= or memmap= on its own command line moves the place where it looks for its \
                 devices; say mem= before the -- instead",
            ),
        }
    }
}
