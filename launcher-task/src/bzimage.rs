//! A compressed Linux kernel with its own unpacker.
//!
//! The first sectors of the file are code for the BIOS's real mode, which a
//! Guest has no use for, with a header of facts among it. The rest is copied to
//! 1 MiB and started there: it unpacks the kernel to where that wants to be and
//! jumps to it.
//!
//! ```text
//!  file:    | setup sectors, header at 0x1F1 | protected-mode part |
//!                        |                             |
//!  memory:  | boot parameters, the header copied |     v 1 MiB
//!           |...                                 | unpacker and payload | ... kernel ...|
//!                                                              where it unpacks --^  needs
//! ```
//!
//! A header says by its version how much of it there is; what is not there has
//! the value that loaders of that year took for granted.
//!
//! Invariants:
//! - No file makes it panic, and what it hands out lies inside the file
//!   (`any_header_is_refused_or_lies_inside_the_file`).
//! - No header reaches beyond its place in the boot parameters
//!   (`a_header_longer_than_its_place_is_refused`).
//!
//! Source: Linux boot protocol, "The Real-Mode Kernel Header"; lguest ABI,
//! "bzImage".
//!
//! Next on the tour: `bzimage/error.rs`.

mod error;

use abi::GuestPhys;
use abi::boot_params::{SETUP_HEADER, SETUP_HEADER_END};

use crate::{fields::Fields, release::Release};

pub use error::BzImageError;

/// Where the signature is, and what.
const SIGNATURE: (u32, &[u8]) = (0x202, b"HdrS");
/// Where the header's length counts from; the byte before it is the length.
const LENGTH_FROM: u32 = 0x202;
const SECTOR: u32 = 512;
/// What `syssize` counts in.
const PARAGRAPH: u32 = 16;
/// Where the protected-mode part goes.
const LOAD_AT: u32 = 0x10_0000;
/// Bit of `loadflags`: the protected-mode part belongs above 1 MiB.
const LOADED_HIGH: u8 = 1;
/// Bit of `xloadflags`: the kernel has an entry for 64-bit loaders.
const KERNEL_64: u16 = 1;
/// The oldest boot protocol with subarchitectures: Linux 2.6.24.
const OLDEST: u16 = 0x0207;
/// Highest address of an initrd where the header does not say.
const INITRD_MAX: u32 = 0x37FF_FFFF;

/// A bzImage whose header makes sense.
#[derive(Debug)]
pub struct BzImage<'a> {
    /// The header, which begins at [`SETUP_HEADER`] of the boot parameters.
    pub header: &'a [u8],
    /// What goes to [`BzImage::AT`].
    pub protected: &'a [u8],
    /// Its first instruction.
    pub entry: GuestPhys,
    /// One past the highest address it uses before it looks at the memory map.
    pub needs: u64,
    /// Highest address an initrd may have.
    pub initrd_max: u32,
    /// Longest command line, without a NUL.
    pub command_line_max: u32,
    /// Which Linux it is.
    pub release: Option<Release<'a>>,
}

/// Tells whether a file calls itself a Linux kernel with a boot protocol.
pub fn is_bzimage(file: &[u8]) -> bool {
    let (offset, signature) = SIGNATURE;
    file.get(offset as usize..).is_some_and(|rest| rest.starts_with(signature))
}

impl<'a> BzImage<'a> {
    /// Where the protected-mode part goes.
    pub const AT: GuestPhys = GuestPhys(LOAD_AT);

    /// Reads the header of a file that [`is_bzimage`].
    ///
    /// # Errors
    /// A [`BzImageError`] if it is cut short, or no kernel a Guest could run.
    pub fn admit(file: &'a [u8]) -> Result<Self, BzImageError> {
        let header = Header::admit(file)?;
        let protected = header.protected()?;
        Ok(Self {
            header: header.bytes()?,
            protected,
            entry: GuestPhys(header.file.u32(0x214)?),
            needs: header.needs(protected)?,
            initrd_max: header.file.u32(0x22C).map(|max| if max == 0 { INITRD_MAX } else { max })?,
            command_line_max: header.file.u32(0x238)?,
            release: header.release(),
        })
    }
}

/// The header's fields, of which those exist that its version knows.
struct Header<'a> {
    file: Fields<'a>,
    version: u16,
}

impl<'a> Header<'a> {
    fn admit(file: &'a [u8]) -> Result<Self, BzImageError> {
        let header = Self { version: Fields(file).u16(0x206)?, file: Fields(file) };
        if header.version < OLDEST {
            return Err(BzImageError::OldProtocol { version: header.version });
        }
        if header.file.u8(0x211)? & LOADED_HIGH == 0 {
            return Err(BzImageError::LoadedLow);
        }
        if header.field(0x020C, 0x236)?.is_some_and(|flags| flags as u16 & KERNEL_64 != 0) {
            return Err(BzImageError::Is64Bit);
        }
        Ok(header)
    }

    /// The dword at `offset`, if the header is of a version from `since` on.
    fn field(&self, since: u16, offset: u32) -> Result<Option<u32>, BzImageError> {
        if self.version < since { Ok(None) } else { Ok(Some(self.file.u32(offset)?)) }
    }

    /// The header itself, as long as it says it is.
    fn bytes(&self) -> Result<&'a [u8], BzImageError> {
        let end = LENGTH_FROM + u32::from(self.file.u8(LENGTH_FROM - 1)?);
        if end > SETUP_HEADER_END {
            return Err(BzImageError::HeaderLen { end });
        }
        Ok(self.file.bytes(SETUP_HEADER, end - SETUP_HEADER)?)
    }

    /// All behind the setup sectors. Kernels of some years leave out up to 15 bytes of the last
    /// paragraph; what a signer may have appended is not theirs.
    fn protected(&self) -> Result<&'a [u8], BzImageError> {
        let sectors = match self.file.u8(0x1F1)? {
            0 => 4, // since before the field
            sectors => u32::from(sectors),
        };
        let offset = (sectors + 1) * SECTOR;
        let len = u64::from(self.file.u32(0x1F4)?) * u64::from(PARAGRAPH);
        let len = u32::try_from(len).ok().filter(|&len| len > 0).ok_or(BzImageError::Size { len })?;
        self.file.bytes(offset, len - (PARAGRAPH - 1))?;
        let there = u32::try_from(self.file.0.len()).map_or(len, |end| len.min(end - offset));
        Ok(self.file.bytes(offset, there)?)
    }

    /// Where the kernel is unpacked to, at the highest, and what it needs from there.
    fn needs(&self, protected: &[u8]) -> Result<u64, BzImageError> {
        let lowest = match self.file.u32(0x230)? {
            0 => LOAD_AT.into(),
            alignment if alignment.is_power_of_two() => u64::from(LOAD_AT).next_multiple_of(alignment.into()),
            alignment => return Err(BzImageError::Alignment { alignment }),
        };
        let preferred = u64::from(self.field(0x020A, 0x258)?.unwrap_or(0));
        let unpacked = match self.field(0x020A, 0x260)? {
            Some(init_size) => init_size,
            None => self.unpacked_len(protected)?,
        };
        let loaded = u64::from(LOAD_AT) + protected.len() as u64;
        Ok((lowest.max(preferred) + u64::from(unpacked)).max(loaded))
    }

    /// Bytes of the unpacked kernel, which stand behind the packed one; 0 if the header is too old
    /// to say where that ends.
    fn unpacked_len(&self, protected: &[u8]) -> Result<u32, BzImageError> {
        let (offset, len) = (self.field(0x0208, 0x248)?, self.field(0x0208, 0x24C)?);
        let end = offset.unwrap_or(0).checked_add(len.unwrap_or(0)).ok_or(BzImageError::Payload)?;
        match end.checked_sub(4) {
            None => Ok(0),
            Some(last) => Fields(protected).u32(last).map_err(|_| BzImageError::Payload),
        }
    }

    /// The text the header points to, which lies among the setup sectors.
    fn release(&self) -> Option<Release<'a>> {
        let offset = self.file.u16(0x20E).ok().filter(|&offset| offset != 0)?;
        let text = self.file.0.get(usize::from(offset) + SECTOR as usize..)?;
        Release::admit(text)
    }
}

#[cfg(test)]
mod tests;
