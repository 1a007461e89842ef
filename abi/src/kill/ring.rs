//! What a Guest can do wrong to a virtqueue.
//!
//! Next on the tour: `kill/sentence.rs`.

use core::fmt;

use crate::GuestPhys;

/// What was wrong with a virtqueue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RingError {
    /// A chain of descriptors longer than the queue.
    Loop,
    /// A descriptor number beyond the queue.
    Index {
        /// The number.
        index: u16,
    },
    /// More available at once than the queue has entries.
    Overrun {
        /// The available index the Guest published.
        index: u16,
    },
    /// A buffer for the device to write where it expects one to read, or the reverse.
    Direction,
    /// A table of descriptors, which the driver has not agreed upon with the device.
    Indirect {
        /// The descriptor's number.
        index: u16,
    },
    /// A table of descriptors inside another, or with a link to something behind it.
    Nested {
        /// The descriptor's number.
        index: u16,
    },
    /// A table that is not a whole number of descriptors.
    Table {
        /// The descriptor's number.
        index: u16,
        /// The table's bytes.
        len: u32,
    },
    /// A request to a disk without a byte for its status.
    NoStatus,
    /// A queue of an impossible size.
    Size {
        /// Its entries.
        size: u16,
    },
    /// A part of a queue off its boundary.
    Place {
        /// Where it is.
        at: GuestPhys,
    },
    /// A buffer at 4 GiB or above.
    HighAddress {
        /// The descriptor's number.
        index: u16,
    },
}

impl fmt::Display for RingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Loop => f.write_str("offered a chain of buffers that never ends"),
            Self::Index { index } => write!(f, "named descriptor {index}, beyond its virtqueue or table"),
            Self::Overrun { index } => {
                write!(f, "moved the available index to {index}, past what fits the queue")
            }
            Self::Direction => f.write_str("offered a buffer of the wrong direction"),
            Self::Indirect { index } => {
                write!(f, "made descriptor {index} indirect, which it had not agreed upon with the device")
            }
            Self::Nested { index } => {
                write!(f, "made descriptor {index} indirect within a table, or linked it on")
            }
            Self::Table { index, len } => {
                write!(f, "made descriptor {index} indirect with a table of {len} bytes, which no table has")
            }
            Self::NoStatus => f.write_str("made a request to a disk without a byte for the status"),
            Self::Size { size } => {
                write!(f, "set up a virtqueue of {size} entries, not a power of two up to 256")
            }
            Self::Place { at } => write!(f, "set up a virtqueue with a part at {at}, off its boundary"),
            Self::HighAddress { index } => write!(f, "placed the buffer of descriptor {index} beyond 4 GiB"),
        }
    }
}
