//! Every way a Guest can die, and the sentence a person reads when it does.
//!
//! A Guest that breaks the treaty is ended, never obeyed and never the Host's
//! problem. The act travels as an `Err(KillReason)` by `?` from wherever it is
//! seen to the run loop, which is the only place that catches it.
//!
//! Invariants: every reason names the act and, where there is one, the
//! address (`every_sentence_names_its_numbers`).
//!
//! Next on the tour: `kill/device.rs`.

mod device;
mod exit;
mod ring;
mod sentence;

use crate::{GuestLinear, GuestPhys};

pub use device::DeviceError;
pub use exit::ExitError;
pub use ring::RingError;

/// The outcome of doing something on behalf of a Guest.
pub type GuestResult<T = ()> = Result<T, KillReason>;

/// What a Guest did that ended it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KillReason {
    /// Named memory it does not have.
    OutOfGuestMemory {
        /// First byte named.
        at: GuestPhys,
        /// Bytes named.
        len: u32,
    },
    /// Broke the rules of hypercalls.
    Hypercall(HypercallError),
    /// Wrote a page table the Host will not mirror.
    PageTable(PageTableError),
    /// Asked for a descriptor or gate no Guest may have.
    Descriptor(DescriptorError),
    /// Trapped without a handler that could be entered.
    UnhandledTrap {
        /// The exception's vector.
        vector: u8,
        /// Where it happened.
        eip: GuestLinear,
        /// The CPU's error code, 0 where there is none.
        code: u32,
        /// The address, for a page fault.
        cr2: Option<GuestLinear>,
    },
    /// Trapped before its first hypercall, as a kernel for the bare machine does.
    Native {
        /// The exception's vector.
        vector: u8,
        /// Where it happened.
        eip: GuestLinear,
    },
    /// Executed HLT before its first hypercall, as an unpacker does that cannot go on.
    HaltedEarly {
        /// Where.
        eip: GuestLinear,
    },
    /// Has no stack where a trap's frame must be pushed.
    NoStack {
        /// Where the frame would have gone.
        at: GuestLinear,
        /// The vector to be delivered.
        vector: u8,
    },
    /// Its segments could not be loaded on the way in.
    BadEntry {
        /// The exception the CPU raised.
        vector: u8,
        /// Its error code: the selector, or 0.
        code: u32,
    },
    /// Left the CPU in a way that a Guest has not.
    Exit(ExitError),
    /// Faulted while it was delivering a fault to itself.
    DoubleFault {
        /// Where the Guest was.
        eip: GuestLinear,
    },
    /// Needs more shadow page tables than its pool holds.
    OutOfFrames,
    /// Ended itself, as it found that it could not go on.
    Panicked,
    /// Did nothing wrong: the person at the Host's console wanted it ended.
    ByHand,
    /// Broke the rules of a virtqueue.
    Ring(RingError),
    /// Misused the registers of a device.
    Device(DeviceError),
    /// Kicked something that is no device.
    UnknownNotify {
        /// The argument.
        at: GuestPhys,
    },
}

/// What was wrong with a hypercall.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HypercallError {
    /// There is no such number.
    Unknown {
        /// The number in EAX.
        number: u32,
    },
    /// Something else came before INIT.
    BeforeInit {
        /// The number in EAX.
        number: u32,
    },
    /// INIT came twice.
    InitTwice,
    /// INIT names no `lguest_data` of any known layout.
    NoLguestData {
        /// Where it should have been.
        at: GuestPhys,
    },
    /// The boot page tables do not fit below the initrd.
    BootTables,
    /// The system-call vector in `lguest_data` is not one the Host serves.
    SyscallVector {
        /// The vector.
        vector: u32,
    },
    /// The kernel is said to begin inside the Switcher's area.
    KernelAddress {
        /// The address.
        at: GuestLinear,
    },
    /// The ring-1 stack has an impossible selector or size.
    Stack {
        /// The selector.
        selector: u32,
        /// How many pages.
        pages: u32,
    },
    /// SHUTDOWN with a word that is neither power-off nor restart.
    ShutdownHow {
        /// The word.
        how: u32,
    },
}

/// What was wrong with a page table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PageTableError {
    /// A top-level entry with flags that are not allowed, or beyond memory.
    Directory {
        /// Linear address it would translate.
        at: GuestLinear,
        /// The entry.
        entry: u32,
    },
    /// A page-table entry with flags that are not allowed, or beyond memory.
    Entry {
        /// Linear address it would translate.
        at: GuestLinear,
        /// The entry.
        entry: u32,
    },
    /// A mapping in the area that belongs to the Switcher.
    Reserved {
        /// Linear address.
        at: GuestLinear,
    },
    /// Touched memory it does not have before it had page tables.
    Linear {
        /// Linear, and so also physical, address.
        at: GuestLinear,
    },
    /// Its kernel stack is not mapped writable.
    Stack {
        /// The page.
        at: GuestLinear,
    },
    /// A top-level table that is not page-aligned or not in memory.
    Root {
        /// Its physical address.
        at: GuestPhys,
    },
    /// An index beyond the top-level table.
    Index {
        /// The index.
        index: u32,
    },
}

/// What was wrong with a descriptor or gate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DescriptorError {
    /// A gate that is neither an interrupt nor a trap gate.
    GateType {
        /// Its vector.
        vector: u32,
        /// Its high dword.
        high: u32,
    },
    /// A vector beyond 255.
    Vector {
        /// The vector.
        vector: u32,
    },
    /// A GDT index beyond the table, or a table that is too long.
    Index {
        /// The index or number of entries.
        index: u32,
    },
}

impl From<HypercallError> for KillReason {
    fn from(error: HypercallError) -> Self {
        Self::Hypercall(error)
    }
}

impl From<PageTableError> for KillReason {
    fn from(error: PageTableError) -> Self {
        Self::PageTable(error)
    }
}

impl From<DescriptorError> for KillReason {
    fn from(error: DescriptorError) -> Self {
        Self::Descriptor(error)
    }
}

impl From<ExitError> for KillReason {
    fn from(error: ExitError) -> Self {
        Self::Exit(error)
    }
}

impl From<RingError> for KillReason {
    fn from(error: RingError) -> Self {
        Self::Ring(error)
    }
}

impl From<DeviceError> for KillReason {
    fn from(error: DeviceError) -> Self {
        Self::Device(error)
    }
}

/// The SDM's mnemonic of an exception, `#??` for a vector without one.
pub const fn mnemonic(vector: u8) -> &'static str {
    match vector {
        0 => "#DE",
        1 => "#DB",
        2 => "NMI",
        3 => "#BP",
        4 => "#OF",
        5 => "#BR",
        6 => "#UD",
        7 => "#NM",
        8 => "#DF",
        10 => "#TS",
        11 => "#NP",
        12 => "#SS",
        13 => "#GP",
        14 => "#PF",
        16 => "#MF",
        17 => "#AC",
        18 => "#MC",
        19 => "#XM",
        _ => "#??",
    }
}
