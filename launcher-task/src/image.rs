//! From an image file to a Guest that could start.
//!
//! A file is judged as a whole before a byte of it is copied: what it is,
//! where its segments want to be, whether anything else is there already, and
//! whether it would start inside itself. What [`Image::admit`] lets through
//! loads without a further question, as often as the Guest restarts.
//!
//! Invariants:
//! - No segment overlaps another, the boot parameters, the command line, the
//!   initrd or the device pages (`a_segment_on_top_of_something_is_refused`).
//! - No file makes it panic or write outside its segments
//!   (`any_file_is_refused_or_loads_inside_its_segments`).
//!
//! Source: lguest ABI, "bzImage" and "ELF vmlinux".
//!
//! Next on the tour: [`crate::elf`].

use alloc::vec::Vec;
use core::fmt;

use abi::{GuestMemory, GuestPhys, GuestResult};

use crate::{
    elf::{Elf, ElfError, Segment, is_elf},
    layout::{Area, Layout},
};

/// Where a bzImage has its signature, and what that is.
const BZIMAGE_SIGNATURE: (usize, &[u8]) = (0x202, b"HdrS");

/// Why an image cannot be loaded; `Display` is the rest of a sentence that begins with the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ImageError {
    /// Neither of the kinds the Launcher knows.
    UnknownKind,
    /// A compressed Linux kernel with its own unpacker.
    BzImage,
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
        /// `e_entry`.
        entry: GuestPhys,
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
    },
}

impl From<ElfError> for ImageError {
    fn from(error: ElfError) -> Self {
        Self::Elf(error)
    }
}

/// An image found fit for a layout.
#[derive(Debug)]
pub struct Image<'a> {
    segments: Vec<Segment<'a>>,
    entry: GuestPhys,
}

impl<'a> Image<'a> {
    /// Judges `file` against the memory it would be loaded to.
    ///
    /// # Errors
    /// An [`ImageError`] that says what is wrong with the file.
    pub fn admit(file: &'a [u8], layout: &Layout) -> Result<Self, ImageError> {
        if !is_elf(file) {
            return Err(if is_bzimage(file) { ImageError::BzImage } else { ImageError::UnknownKind });
        }
        let elf = Elf::admit(file)?;
        let mut image = Self { segments: Vec::new(), entry: elf.entry };
        for segment in elf.segments() {
            image.add(segment?, layout)?;
        }
        if !image.segments.iter().any(|segment| segment.contains(elf.entry)) {
            return Err(ImageError::EntryOutside { entry: elf.entry });
        }
        Ok(image)
    }

    fn add(&mut self, segment: Segment<'a>, layout: &Layout) -> Result<(), ImageError> {
        let Segment { number, at, memory_len: len, .. } = segment;
        if let Some(area) = layout.obstacle(at, len) {
            return Err(ImageError::Obstacle { segment: number, at, len, area });
        }
        if let Some(first) = self.segments.iter().find(|first| first.overlaps(&segment)) {
            return Err(ImageError::Overlap { first: first.number, second: number });
        }
        self.segments.push(segment);
        Ok(())
    }

    /// Copies the segments into memory that is zero, and returns where to start.
    ///
    /// # Errors
    /// [`abi::KillReason::OutOfGuestMemory`] if `memory` is smaller than the layout said.
    pub fn load(&self, memory: &mut dyn GuestMemory) -> GuestResult<GuestPhys> {
        for segment in &self.segments {
            memory.write_from(segment.at, segment.bytes)?;
        }
        Ok(self.entry)
    }
}

impl Segment<'_> {
    /// One past the last address; no segment that has been judged reaches 4 GiB.
    const fn end(&self) -> u32 {
        self.at.0 + self.memory_len
    }

    const fn contains(&self, address: GuestPhys) -> bool {
        self.at.0 <= address.0 && address.0 < self.end()
    }

    const fn overlaps(&self, other: &Self) -> bool {
        self.at.0 < other.end() && other.at.0 < self.end()
    }
}

fn is_bzimage(file: &[u8]) -> bool {
    let (offset, signature) = BZIMAGE_SIGNATURE;
    file.get(offset..).is_some_and(|rest| rest.starts_with(signature))
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::UnknownKind => f.write_str("is not an ELF file"),
            Self::BzImage => f.write_str(
                "is a bzImage, which cannot be loaded yet; use the ELF file vmlinux it was made of",
            ),
            Self::Elf(error) => error.fmt(f),
            Self::Obstacle { segment, at, len, area } => {
                write!(f, "has a segment {segment} of {len} bytes at {at}, which {area}")
            }
            Self::Overlap { first, second } => write!(f, "has segments {first} and {second} overlap"),
            Self::EntryOutside { entry } => write!(f, "would start at {entry}, outside its segments"),
            Self::InitrdTooLong { len } => {
                write!(
                    f,
                    "cannot start: its initrd of {len} bytes leaves no room in memory; give it more with mem="
                )
            }
            Self::CommandLineTooLong { len } => {
                write!(f, "cannot start: its command line has {len} bytes, and 2047 fit")
            }
        }
    }
}

#[cfg(test)]
mod tests;
