//! What can be wrong with a bzImage by itself.
//!
//! Next on the tour: [`crate::release`].

use core::fmt;

use crate::fields::Truncated;

/// Why a file is no bzImage a Guest could run; `Display` continues a sentence that begins with the
/// file's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BzImageError {
    /// The file ends before something it says it has.
    Truncated(Truncated),
    /// A boot protocol from before there were Guests.
    OldProtocol {
        /// Major number in the high byte, minor in the low one.
        version: u16,
    },
    /// A zImage, which wants to be where the boot parameters are.
    LoadedLow,
    /// For a CPU of 64 bits.
    Is64Bit,
    /// A header that reaches into what follows it in the boot parameters.
    HeaderLen {
        /// One past its last byte.
        end: u32,
    },
    /// Nothing to start, or more than there can be.
    Size {
        /// Bytes of the protected-mode part.
        len: u64,
    },
    /// An alignment that is none.
    Alignment {
        /// `kernel_alignment`.
        alignment: u32,
    },
    /// A packed kernel outside the file.
    Payload,
}

impl From<Truncated> for BzImageError {
    fn from(cut: Truncated) -> Self {
        Self::Truncated(cut)
    }
}

impl fmt::Display for BzImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Truncated(cut) => cut.fmt(f),
            Self::OldProtocol { version } => write!(
                f,
                "is a kernel of boot protocol {}.{:02}, and Guests begin with 2.07 (Linux 2.6.24)",
                version >> 8,
                version & 0xFF
            ),
            Self::LoadedLow => f.write_str("is a zImage; a Guest is loaded from a bzImage or vmlinux"),
            Self::Is64Bit => f.write_str("is a kernel of 64 bits; a Guest is 32-bit code"),
            Self::HeaderLen { end } => {
                write!(f, "has a header that reaches to {end:#x}, and 0x290 is its limit")
            }
            Self::Size { len } => write!(f, "says it has {len} bytes to load, which cannot be"),
            Self::Alignment { alignment } => {
                write!(f, "wants an alignment of {alignment:#x}, which is no power of two")
            }
            Self::Payload => f.write_str("says its packed kernel lies outside the file"),
        }
    }
}
