//! The little a loader has to know of ELF.
//!
//! A header says what the file is and where its program headers are; each of
//! those of kind `PT_LOAD` is a piece of the file and the place it wants in
//! memory. Sections, symbols and names are for linkers and debuggers, so they
//! are not looked at, and a file stripped of them is as good as any.
//!
//! ```text
//!  file:  | header | program headers | ... piece ...... | ...
//!             e_phoff --^   p_offset ----^ p_filesz -----^
//!  memory:               p_paddr --> | piece | zeroes    |
//!                                              p_memsz --^
//! ```
//!
//! Invariants:
//! - Every field is read through [`crate::fields`], which knows where the file
//!   ends (`a_file_cut_anywhere_is_refused_or_unharmed`).
//! - A [`Segment`] lies inside the file and holds no more of it than it has
//!   memory for (`more_file_than_memory_is_refused`).
//!
//! Source: System V ABI, "ELF Header" and "Program Header"; lguest ABI, "ELF
//! vmlinux".
//!
//! Next on the tour: `elf/error.rs`.

mod error;

use abi::GuestPhys;

use crate::fields::Fields;

pub use error::ElfError;

const MAGIC: &[u8] = b"\x7fELF";
const CLASS_32: u8 = 1;
const LITTLE_ENDIAN: u8 = 1;
const EXECUTABLE: u16 = 2;
const MACHINE_386: u16 = 3;
const PROGRAM_HEADER_LEN: u16 = 32;
/// Most program headers that Linux itself would read.
const PROGRAM_HEADERS_MAX: u16 = u16::MAX / PROGRAM_HEADER_LEN;
const LOAD: u32 = 1;

/// A piece of the file and where it goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Segment<'a> {
    /// Its program header's number, for messages.
    pub number: u16,
    /// Its first byte's place.
    pub at: GuestPhys,
    /// The bytes from the file.
    pub bytes: &'a [u8],
    /// Bytes it has in memory; beyond those from the file they are zero.
    pub memory_len: u32,
}

/// An ELF file whose header is that of a Guest's kernel.
#[derive(Debug)]
pub struct Elf<'a> {
    file: Fields<'a>,
    headers_at: u32,
    headers: u16,
    /// Where it wants to be started.
    pub entry: GuestPhys,
}

/// Tells whether a file calls itself ELF.
pub fn is_elf(file: &[u8]) -> bool {
    file.starts_with(MAGIC)
}

impl<'a> Elf<'a> {
    /// Reads the header of a file that [`is_elf`].
    ///
    /// # Errors
    /// An [`ElfError`] if it is cut short, or not a 32-bit executable for the i386.
    pub fn admit(file: &'a [u8]) -> Result<Self, ElfError> {
        let file = Fields(file);
        let identity = file.bytes(0, 16)?;
        if identity[4] != CLASS_32 {
            return Err(ElfError::Not32Bit);
        }
        if identity[5] != LITTLE_ENDIAN {
            return Err(ElfError::BigEndian);
        }
        let headers = Self::admit_header(&file)?;
        Ok(Self { file, headers_at: file.u32(28)?, headers, entry: GuestPhys(file.u32(24)?) })
    }

    /// Judges kind, machine and program headers, and returns how many of those there are.
    fn admit_header(file: &Fields<'_>) -> Result<u16, ElfError> {
        let (kind, machine) = (file.u16(16)?, file.u16(18)?);
        let (header_len, headers) = (file.u16(42)?, file.u16(44)?);
        if kind != EXECUTABLE {
            return Err(ElfError::NotExecutable { kind });
        }
        if machine != MACHINE_386 {
            return Err(ElfError::WrongMachine { machine });
        }
        if header_len != PROGRAM_HEADER_LEN {
            return Err(ElfError::ProgramHeaderLen { len: header_len });
        }
        if !(1..=PROGRAM_HEADERS_MAX).contains(&headers) {
            return Err(ElfError::ProgramHeaders { count: headers });
        }
        Ok(headers)
    }

    /// The pieces to load, in the file's order; those without memory are left out.
    pub fn segments(&self) -> impl Iterator<Item = Result<Segment<'a>, ElfError>> + '_ {
        (0..self.headers).filter_map(|number| self.segment(number).transpose())
    }

    fn segment(&self, number: u16) -> Result<Option<Segment<'a>>, ElfError> {
        let offset = self.headers_at.saturating_add(u32::from(number) * u32::from(PROGRAM_HEADER_LEN));
        let header = Fields(self.file.bytes(offset, PROGRAM_HEADER_LEN.into())?);
        let (file_len, memory_len) = (header.u32(16)?, header.u32(20)?);
        if header.u32(0)? != LOAD {
            return Ok(None);
        }
        if file_len > memory_len {
            return Err(ElfError::MoreFileThanMemory { segment: number });
        }
        if memory_len == 0 {
            return Ok(None);
        }
        let bytes = self.file.bytes(header.u32(4)?, file_len)?;
        Ok(Some(Segment { number, at: GuestPhys(header.u32(12)?), bytes, memory_len }))
    }
}

#[cfg(test)]
mod tests;
