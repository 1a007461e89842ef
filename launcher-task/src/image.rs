//! From an image file to a Guest that could start.
//!
//! A file is judged as a whole before a byte of it is copied: what it is,
//! where its segments want to be, whether anything else is there already, and
//! whether it would start inside itself. An image that has been
//! [read](Image::read) and [laid out](Image::lay_out) loads without a further
//! question, as often as the Guest restarts.
//!
//! Invariants:
//! - No segment overlaps another, the boot parameters, the command line, the
//!   initrd or the device pages (`a_segment_on_top_of_something_is_refused`).
//! - No file makes it panic or write outside its segments
//!   (`any_file_is_refused_or_loads_inside_its_segments`).
//! - A kernel that unpacks itself has room for that below its initrd
//!   (`too_little_memory_says_how_much_would_do`).
//!
//! Source: lguest ABI, "bzImage" and "ELF vmlinux".
//!
//! Next on the tour: `image/error.rs`.

mod error;

use alloc::{vec, vec::Vec};

use abi::GuestPhys;
use abi::boot_params::COMMAND_LINE_MAX;

use crate::{
    bzimage::{BzImage, is_bzimage},
    config::MIB,
    elf::{Elf, Segment, is_elf},
    layout::Layout,
    release::Release,
};

pub use error::ImageError;

/// Longest command line that has room in memory, without its NUL.
const COMMAND_LINE_ROOM: usize = COMMAND_LINE_MAX as usize - 1;
/// Words that change how much memory a Linux believes it has, ...
const MEMORY_WORDS: [&str; 2] = ["mem=", "memmap="];
/// ... and one that looks like them and does not.
const NO_LARGE_PAGES: &str = "mem=nopentium";

/// What is to be copied into a Guest's memory: where to, and what.
pub type Part<'a> = (GuestPhys, &'a [u8]);

/// An image that makes sense by itself.
#[derive(Debug)]
pub struct Image<'a> {
    segments: Vec<Segment<'a>>,
    entry: GuestPhys,
    /// What the boot parameters take over from it.
    header: &'a [u8],
    /// One past the highest address it uses without asking.
    needs: u64,
    initrd_max: u32,
    command_line_max: usize,
    release: Option<Release<'a>>,
}

impl<'a> Image<'a> {
    /// Judges what a file says about itself.
    ///
    /// # Errors
    /// An [`ImageError`] that says what is wrong with the file.
    pub fn read(file: &'a [u8]) -> Result<Self, ImageError> {
        if is_elf(file) {
            Self::from_elf(file)
        } else if is_bzimage(file) {
            Self::from_bzimage(BzImage::admit(file)?)
        } else {
            Err(ImageError::UnknownKind)
        }
    }

    fn from_elf(file: &'a [u8]) -> Result<Self, ImageError> {
        let elf = Elf::admit(file)?;
        let mut segments: Vec<Segment<'a>> = Vec::new();
        for segment in elf.segments() {
            let segment = segment?;
            if let Some(first) = segments.iter().find(|first| first.overlaps(&segment)) {
                return Err(ImageError::Overlap { first: first.number, second: segment.number });
            }
            segments.push(segment);
        }
        Ok(Self {
            segments,
            entry: elf.entry,
            header: &[],
            needs: 0,
            initrd_max: u32::MAX,
            command_line_max: COMMAND_LINE_ROOM,
            release: Release::find(file),
        })
    }

    fn from_bzimage(image: BzImage<'a>) -> Result<Self, ImageError> {
        let memory_len = u32::try_from(image.protected.len()).map_err(|_| ImageError::UnknownKind)?;
        let segment = Segment { number: 0, at: BzImage::AT, bytes: image.protected, memory_len };
        Ok(Self {
            segments: vec![segment],
            entry: image.entry,
            header: image.header,
            needs: image.needs,
            initrd_max: image.initrd_max,
            command_line_max: COMMAND_LINE_ROOM.min(image.command_line_max as usize),
            release: image.release,
        })
    }

    /// Lays out `memory` bytes of RAM for it, with an initrd of `initrd_len` bytes, 0 for none.
    ///
    /// # Errors
    /// An [`ImageError`] that says what does not fit, or that it would start where nothing is.
    pub fn lay_out(&self, memory: u32, initrd_len: usize) -> Result<Layout, ImageError> {
        let layout = Layout::admit(memory, initrd_len, self.initrd_max)
            .ok_or(ImageError::InitrdTooLong { len: initrd_len })?;
        let initrd_room = layout.initrd().map_or(0, |place| place.end - place.start);
        if self.needs > layout.free_end().into() {
            let wanted = (self.needs + u64::from(initrd_room)).div_ceil(MIB.into());
            return Err(ImageError::TooLittleMemory { wanted });
        }
        for &Segment { number, at, memory_len: len, .. } in &self.segments {
            if let Some(area) = layout.obstacle(at, len) {
                return Err(ImageError::Obstacle { segment: number, at, len, area });
            }
        }
        if !self.segments.iter().any(|segment| segment.contains(self.entry)) {
            return Err(ImageError::EntryOutside { entry: self.entry });
        }
        Ok(layout)
    }

    /// Judges a command line for it.
    ///
    /// # Errors
    /// An [`ImageError`] if it is too long, or would make it look for devices in the wrong place.
    pub fn check_command_line(&self, line: &str) -> Result<(), ImageError> {
        if line.len() > self.command_line_max {
            return Err(ImageError::CommandLineTooLong { len: line.len(), max: self.command_line_max });
        }
        let limits_memory = |word: &str| MEMORY_WORDS.iter().any(|limit| word.starts_with(limit));
        let mut words = line.split_ascii_whitespace();
        // The page with the devices lies where memory ends, until they are on PCI.
        let looks_there = self.release.is_some_and(|release| release.is_before(4, 0));
        if looks_there && words.any(|word| limits_memory(word) && word != NO_LARGE_PAGES) {
            return Err(ImageError::MovesDevices);
        }
        Ok(())
    }

    /// Which Linux it is, if it is one.
    pub const fn release(&self) -> Option<Release<'a>> {
        self.release
    }

    /// The header the boot parameters begin with; empty if it has none.
    pub const fn header(&self) -> &'a [u8] {
        self.header
    }

    /// Where to start.
    pub const fn entry(&self) -> GuestPhys {
        self.entry
    }

    /// What belongs into memory that is zero otherwise, and where.
    pub fn parts(&self) -> impl Iterator<Item = Part<'a>> + '_ {
        self.segments.iter().map(|segment| (segment.at, segment.bytes))
    }
}

impl Segment<'_> {
    /// One past the last address.
    const fn end(&self) -> u64 {
        self.at.0 as u64 + self.memory_len as u64
    }

    const fn contains(&self, address: GuestPhys) -> bool {
        self.at.0 <= address.0 && (address.0 as u64) < self.end()
    }

    const fn overlaps(&self, other: &Self) -> bool {
        (self.at.0 as u64) < other.end() && (other.at.0 as u64) < self.end()
    }
}

#[cfg(test)]
mod tests;
