//! An access to something that is no memory: where, and how wide.
//!
//! A Guest has no devices of its own. What it reads and writes where one would
//! be goes to its Launcher, as one of these.
//!
//! Next on the tour: [`crate::pci`].

use core::fmt;

use crate::GuestPhys;

/// What an access is to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// A port.
    Port(u16),
    /// An address above RAM, where devices show their registers.
    Memory(GuestPhys),
}

/// How much an access moves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Width {
    /// One byte.
    Byte,
    /// Two.
    Word,
    /// Four.
    Dword,
}

impl Width {
    /// All of them, narrowest first.
    pub const ALL: [Self; 3] = [Self::Byte, Self::Word, Self::Dword];

    /// In bytes.
    #[inline]
    pub const fn bytes(self) -> u32 {
        match self {
            Self::Byte => 1,
            Self::Word => 2,
            Self::Dword => 4,
        }
    }

    /// The width of so many bytes, if there is one.
    pub const fn of(bytes: u32) -> Option<Self> {
        match bytes {
            1 => Some(Self::Byte),
            2 => Some(Self::Word),
            4 => Some(Self::Dword),
            _ => None,
        }
    }

    /// The bits of a dword it moves.
    #[inline]
    pub const fn mask(self) -> u32 {
        match self {
            Self::Byte => 0xFF,
            Self::Word => 0xFFFF,
            Self::Dword => u32::MAX,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(number) => write!(f, "port {number:#x}"),
            Self::Memory(at) => write!(f, "physical {at}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_width_is_its_bytes_and_their_bits() {
        for width in Width::ALL {
            assert_eq!(Width::of(width.bytes()), Some(width));
            assert_eq!(width.mask().count_ones(), 8 * width.bytes());
        }
        assert_eq!((Width::of(0), Width::of(3), Width::of(8)), (None, None, None));
    }
}
