//! What can be wrong with an ELF file by itself.
//!
//! Next on the tour: [`crate::bzimage`].

use core::fmt;

use crate::fields::Truncated;

/// Why a file is no ELF executable a Guest could run; `Display` continues a sentence that begins
/// with the file's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ElfError {
    /// The file ends before something it says it has.
    Truncated(Truncated),
    /// Not of the 32-bit class.
    Not32Bit,
    /// Not little-endian.
    BigEndian,
    /// An object file, a shared library or a core dump.
    NotExecutable {
        /// `e_type`.
        kind: u16,
    },
    /// For another CPU.
    WrongMachine {
        /// `e_machine`.
        machine: u16,
    },
    /// Program headers of an unknown form.
    ProgramHeaderLen {
        /// `e_phentsize`.
        len: u16,
    },
    /// No program headers, or more than there can be.
    ProgramHeaders {
        /// `e_phnum`.
        count: u16,
    },
    /// A segment with more bytes in the file than in memory.
    MoreFileThanMemory {
        /// Its program header's number.
        segment: u16,
    },
}

impl From<Truncated> for ElfError {
    fn from(cut: Truncated) -> Self {
        Self::Truncated(cut)
    }
}

impl fmt::Display for ElfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Truncated(cut) => cut.fmt(f),
            Self::Not32Bit => f.write_str("is an ELF file of 64 bits; a Guest is 32-bit code"),
            Self::BigEndian => f.write_str("is a big-endian ELF file; the i386 is little-endian"),
            Self::NotExecutable { kind } => {
                write!(f, "is an ELF file of type {kind}; only executables (type 2) can be loaded")
            }
            Self::WrongMachine { machine } => {
                write!(f, "is an ELF file for machine {machine}, not for the i386 (machine 3)")
            }
            Self::ProgramHeaderLen { len } => write!(f, "has program headers of {len} bytes, not 32"),
            Self::ProgramHeaders { count: 0 } => f.write_str("has no program headers, so nothing to load"),
            Self::ProgramHeaders { count } => write!(f, "has {count} program headers, and 2047 is the most"),
            Self::MoreFileThanMemory { segment } => {
                write!(f, "has more bytes in the file than in memory for segment {segment}")
            }
        }
    }
}
