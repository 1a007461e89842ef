//! A file that goes with a Guest.
//!
//! Next on the tour: [`super::module_line`].

/// What a file that goes with a Guest is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Companion {
    /// Its initrd.
    Initrd,
    /// The names of its kernel's addresses.
    Symbols,
}

impl Companion {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Initrd => "initrd",
            Self::Symbols => "symbols",
        }
    }
}
