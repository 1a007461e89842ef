//! Ways to leave the CPU that no Guest has, where a CPU keeps to its manual.
//!
//! Emulators are laxer: in QEMU an `iret` of any ring enters virtual-8086 mode.
//!
//! Next on the tour: `kill/ring.rs`.

use core::fmt;

/// What was wrong with the way a Guest left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExitError {
    /// It came from virtual-8086 mode.
    Virtual8086 {
        /// The vector that ended it.
        vector: u8,
    },
    /// Its frame has more or fewer words than a CPU pushes.
    Frame {
        /// The vector of the stub it came by.
        vector: u8,
    },
    /// It came by the vector of machine checks, and the CPU's registers report none.
    MachineCheck,
}

impl fmt::Display for ExitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Virtual8086 { vector } => {
                write!(f, "switched to virtual-8086 mode, where no Guest may be (seen at vector {vector})")
            }
            Self::Frame { vector } => {
                write!(f, "left by a trap frame of the wrong length (vector {vector})")
            }
            Self::MachineCheck => f.write_str(
                "raised a machine check (vector 18) of which the CPU's own registers know nothing",
            ),
        }
    }
}
