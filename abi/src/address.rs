//! Addresses that say whose they are.
//!
//! Three kinds of 32-bit address meet in a hypervisor, and mixing two of them
//! up is the classic way to lose a machine. So each has its own type, and the
//! only bridges are functions with a name.
//!
//! ```text
//!  GuestLinear --Guest's page tables--> GuestPhys --one addition--> HostPhys
//!       |                                                              ^
//!       +------------------ shadow page tables (the CPU) --------------+
//! ```
//!
//! Next on the tour: [`crate::memory`].

use core::fmt;

/// Bytes in a page.
pub const PAGE_SIZE: u32 = 4096;

/// Declares an address type: a `u32` that prints as hexadecimal and knows pages.
macro_rules! address {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// The first address of the page this one lies in.
            pub const fn page_base(self) -> Self {
                Self(self.0 & !(PAGE_SIZE - 1))
            }

            /// The number of the page this address lies in.
            pub const fn page_number(self) -> u32 {
                self.0 / PAGE_SIZE
            }

            /// The offset within the page, `0..4096`.
            pub const fn page_offset(self) -> u32 {
                self.0 % PAGE_SIZE
            }

            /// The address `bytes` further on, or `None` past the end of the space.
            pub const fn checked_add(self, bytes: u32) -> Option<Self> {
                match self.0.checked_add(bytes) {
                    Some(sum) => Some(Self(sum)),
                    None => None,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:#010x}", self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:#010x})"), self.0)
            }
        }
    };
}

address! {
    /// What a Guest believes to be a physical address: an offset into its RAM.
    GuestPhys
}
address! {
    /// What a Guest's instructions use, before the Guest's own page tables.
    GuestLinear
}
address! {
    /// What goes out on the bus. Only the Host ever sees one.
    HostPhys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_knows_its_page() {
        let at = GuestLinear(0xC012_3456);
        assert_eq!(at.page_base(), GuestLinear(0xC012_3000));
        assert_eq!(at.page_number(), 0xC_0123);
        assert_eq!(at.page_offset(), 0x456);
    }

    #[test]
    fn adding_past_the_end_of_the_space_is_noticed() {
        assert_eq!(HostPhys(0xFFFF_FFFF).checked_add(1), None);
        assert_eq!(HostPhys(1).checked_add(2), Some(HostPhys(3)));
    }
}
