//! Debug registers, as far as the Host has some for this Guest.
//!
//! Source: Intel SDM Vol. 3, "Debug Registers".
//!
//! Next on the tour: [`crate::segments`].

use core::arch::asm;

use crate::probe::{Probed, guarded, outcome};

/// DR6 with nothing in it.
pub const QUIET: u32 = 0xFFFF_0FF0;
/// DR7 with no breakpoint on.
pub const OFF: u32 = 0x400;

/// Declares the registers: a name, what it is, what the assembler calls it.
macro_rules! registers {
    ($($(#[$doc:meta])* $name:ident = $register:literal;)*) => {
        /// A debug register.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Register {$(
            $(#[$doc])*
            $name,
        )*}

        impl Register {
            /// Reads it.
            ///
            /// # Errors
            /// The exception, if it faults.
            pub fn read(self) -> Probed<u32> {
                let read: u32;
                match self {$(
                    // SAFETY: reading changes nothing, and a fault lands behind it.
                    Self::$name => unsafe {
                        guarded!(concat!("mov {0}, ", $register), out(reg) read);
                    },
                )*}
                outcome(read)
            }

            /// Writes it.
            ///
            /// # Errors
            /// The exception, if it faults.
            pub fn write(self, value: u32) -> Probed {
                match self {$(
                    // SAFETY: a breakpoint changes nothing but what the handler of vector 1 makes
                    // of it; where the CPU refuses, the fault lands behind the instruction.
                    Self::$name => unsafe {
                        guarded!(concat!("mov ", $register, ", {0}"), in(reg) value);
                    },
                )*}
                outcome(())
            }
        }
    };
}

registers! {
    /// The address of the first breakpoint.
    Dr0 = "dr0";
    /// The address of the second.
    Dr1 = "dr1";
    /// The address of the last.
    Dr3 = "dr3";
    /// What hit.
    Dr6 = "dr6";
    /// Which breakpoints there are.
    Dr7 = "dr7";
}
