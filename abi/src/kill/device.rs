//! What a Guest can do wrong to the registers of a device.
//!
//! Next on the tour: `kill/exit.rs`.

use core::fmt;

/// What was wrong with the way a Guest used a device's registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeviceError {
    /// Touched bytes that are no register, or only part of one.
    Register {
        /// The first byte, from the beginning of the window.
        offset: u32,
        /// How many.
        len: u32,
    },
    /// Took a step of the set-up back, or one before the step it rests on.
    Status {
        /// The status it had.
        from: u8,
        /// The status it was given.
        to: u8,
    },
    /// Set up a queue before both sides had agreed on features.
    QueueEarly {
        /// Its number.
        queue: u16,
    },
    /// Placed a part of a queue at 4 GiB or above.
    QueueBeyond {
        /// Its number.
        queue: u16,
        /// The address.
        at: u64,
    },
    /// Kicked a queue that does not exist, or has not been set up.
    Kick {
        /// Its number.
        queue: u16,
    },
}

impl fmt::Display for DeviceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Register { offset, len } => {
                write!(
                    f,
                    "touched {len} bytes at offset {offset} of a device's registers: no register is that"
                )
            }
            Self::Status { from, to } => {
                write!(f, "moved a device's status from {from:#x} to {to:#x}, which is no step forward")
            }
            Self::QueueEarly { queue } => {
                write!(f, "set up queue {queue} of a device before it had agreed on features")
            }
            Self::QueueBeyond { queue, at } => {
                write!(f, "placed a part of queue {queue} of a device at {at:#x}, beyond 4 GiB")
            }
            Self::Kick { queue } => write!(f, "kicked queue {queue} of a device, which it has not set up"),
        }
    }
}
