//! Which year's treaty a Guest speaks.
//!
//! From 2.6.25 to 4.13 the hypercalls kept their numbers, but `lguest_data`
//! grew, arguments moved between registers, and boot page tables came and
//! went. Five variants cover all of it; everything that differs is in
//! [`Variant`] and its [`Layout`].
//!
//! | variant | releases        | first argument | ring record | boot tables |
//! |---------|-----------------|----------------|-------------|-------------|
//! | A, EDX  | 2.6.25 – 2.6.29 | EDX            | 16 bytes    | given       |
//! | A, EBX  | 2.6.30          | EBX            | 16 bytes    | given       |
//! | B       | 2.6.31 – 3.0    | EBX            | 20 bytes    | given       |
//! | C       | 3.1 – 3.19      | EBX            | 20 bytes    | none        |
//! | D       | 4.0 – 4.13      | EBX            | 20 bytes    | none        |
//!
//! Source: lguest ABI, "The version matrix in one table".
//!
//! Next on the tour: [`crate::lguest_data`].

use core::fmt;

use crate::lguest_data::{LAYOUT_A, LAYOUT_B, LAYOUT_C, LAYOUT_D, Layout};

/// A year's treaty.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Variant {
    /// Layout A, first argument in EDX.
    AEdx,
    /// Layout A, first argument in EBX, called by `vmcall`.
    AEbx,
    /// Layout B.
    B,
    /// Layout C.
    C,
    /// Layout D.
    D,
}

impl Variant {
    /// All of them, oldest first.
    pub const ALL: [Self; 5] = [Self::AEdx, Self::AEbx, Self::B, Self::C, Self::D];

    /// Where the fields of its `lguest_data` are.
    pub const fn layout(self) -> &'static Layout {
        match self {
            Self::AEdx | Self::AEbx => &LAYOUT_A,
            Self::B => &LAYOUT_B,
            Self::C => &LAYOUT_C,
            Self::D => &LAYOUT_D,
        }
    }

    /// The word for it on a module's line: `abi=WORD`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::AEdx => "2.6.29",
            Self::AEbx => "2.6.30",
            Self::B => "3.0",
            Self::C => "3.19",
            Self::D => "4.13",
        }
    }

    /// The variant of that word: each is the last release that speaks it.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|variant| variant.word() == word)
    }

    /// Whether it starts on page tables the Host made, instead of in linear mode.
    pub const fn has_boot_tables(self) -> bool {
        matches!(self, Self::AEdx | Self::AEbx | Self::B)
    }

    /// Whether some of its hypercalls are `vmcall`, which the CPU reports as #UD.
    pub const fn may_use_vmcall(self) -> bool {
        matches!(self, Self::AEbx | Self::B)
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AEdx => "Linux 2.6.25 to 2.6.29 (layout A)",
            Self::AEbx => "Linux 2.6.30 (layout A)",
            Self::B => "Linux 2.6.31 to 3.0 (layout B)",
            Self::C => "Linux 3.1 to 3.19 (layout C)",
            Self::D => "Linux 4.0 to 4.13 (layout D)",
        })
    }
}

/// What a module's line says about a Guest that would otherwise be found out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Dialect {
    /// Its variant.
    pub variant: Option<Variant>,
    /// Whether its page tables are PAE's.
    pub pae: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variant_has_its_word() {
        for variant in Variant::ALL {
            assert_eq!(Variant::from_word(variant.word()), Some(variant));
        }
        assert_eq!(Variant::from_word("5.0"), None);
    }
}
