//! I/O ports: one type per port instead of numbers at the call sites.
//!
//! A port is made once, where its device is known, by saying that it may be
//! used; from then on reading and writing it is safe. The Host's devices are
//! those every PC has had since 1984, and none of them can reach memory.
//!
//! Invariants: ports are created in `machine/` only (the constructor is
//! `unsafe`, and nothing else may use that word).
//!
//! Next on the tour: [`super::uart`].

use x86::io::{inb, inl, inw, outb, outl, outw};

/// A port and how it is accessed, by the type `T`: `u8`, `u16` or `u32`.
#[derive(Clone, Copy, Debug)]
pub struct Port<T>(u16, core::marker::PhantomData<T>);

/// Declares the access of one width.
macro_rules! width {
    ($type:ty, $input:ident, $output:ident) => {
        impl Port<$type> {
            /// A port to be used from here on.
            ///
            /// # Safety
            /// No value written to this port makes a device touch memory or the CPU's state.
            pub const unsafe fn new(number: u16) -> Self {
                Self(number, core::marker::PhantomData)
            }

            /// Reads the port; a port no device answers reads all ones.
            #[inline]
            pub fn read(self) -> $type {
                // SAFETY: Ring 0 may; what it does is `new`'s contract.
                unsafe { $input(self.0) }
            }

            /// Writes the port.
            #[inline]
            pub fn write(self, value: $type) {
                // SAFETY: Ring 0 may; what it does is `new`'s contract.
                unsafe { $output(self.0, value) }
            }
        }
    };
}

width!(u8, inb, outb);
width!(u16, inw, outw);
width!(u32, inl, outl);
