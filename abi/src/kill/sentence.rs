//! The sentences: what a person reads of each reason to die.
//!
//! Each is the rest of a line that begins with the Guest's name, so it has the
//! Guest for its subject and no capital letter.
//!
//! Next on the tour: [`crate::address`].

use core::fmt;

use super::{DescriptorError, HypercallError, KillReason, PageTableError, mnemonic};

impl fmt::Display for KillReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::OutOfGuestMemory { at, len } => {
                write!(f, "named {len} bytes at physical {at}, which it does not have")
            }
            Self::Hypercall(error) => error.fmt(f),
            Self::PageTable(error) => error.fmt(f),
            Self::Descriptor(error) => error.fmt(f),
            Self::UnhandledTrap { vector, eip, code, cr2 } => {
                write!(f, "{} (vector {vector}) at {eip}, error code {code:#x}", mnemonic(vector))?;
                if let Some(cr2) = cr2 {
                    write!(f, ", touching {cr2}")?;
                }
                f.write_str(", and it has no handler for that")
            }
            Self::Native { vector, eip } => write!(
                f,
                "wanted the bare machine: {} (vector {vector}) at {eip}, before its first hypercall; a Linux \
                 kernel does that if it was built without CONFIG_LGUEST_GUEST=y",
                mnemonic(vector)
            ),
            Self::HaltedEarly { eip } => write!(
                f,
                "halted for good at {eip}, before its first hypercall; an unpacker does that if its image is \
                 damaged or its memory too little"
            ),
            Self::NoStack { at, vector } => {
                write!(f, "has no writable stack at {at} to deliver vector {vector} on")
            }
            Self::BadEntry { vector, code } => {
                write!(f, "cannot be entered: loading its segments raised {} ({code:#x})", mnemonic(vector))
            }
            Self::Exit(error) => error.fmt(f),
            Self::DoubleFault { eip } => write!(f, "faulted while delivering a fault, at {eip}"),
            Self::OutOfFrames => f.write_str("needs more shadow page tables than its pool has"),
            Self::Panicked => f.write_str("its own kernel panicked"),
            Self::ByHand => f.write_str("ended by hand, from the Host's console"),
            Self::Ring(error) => error.fmt(f),
            Self::Device(error) => error.fmt(f),
            Self::UnknownNotify { at } => write!(f, "notified {at}, where no device is"),
        }
    }
}

impl fmt::Display for HypercallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Unknown { number } => write!(f, "made hypercall {number}, which does not exist"),
            Self::BeforeInit { number } => write!(f, "made hypercall {number} before LGUEST_INIT"),
            Self::InitTwice => f.write_str("made LGUEST_INIT a second time"),
            Self::NoLguestData { at } => {
                write!(f, "made LGUEST_INIT with {at}, where no lguest_data of a known layout is")
            }
            Self::BootTables => {
                f.write_str("has too little memory below its initrd for the page tables it starts on")
            }
            Self::SyscallVector { vector } => {
                write!(f, "wants system calls at vector {vector:#x}; only 0x80 is served")
            }
            Self::KernelAddress { at } => {
                write!(f, "says its kernel begins at {at}, inside the Switcher's area")
            }
            Self::Stack { selector, pages } => {
                write!(f, "set a kernel stack with selector {selector:#x} and {pages} pages")
            }
            Self::ShutdownHow { how } => {
                write!(f, "made SHUTDOWN with {how}, neither power-off (1) nor restart (2)")
            }
        }
    }
}

impl fmt::Display for PageTableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Directory { at, entry } => {
                write!(f, "has page-directory entry {entry:#010x} for {at}: bad flags or beyond its memory")
            }
            Self::Entry { at, entry } => {
                write!(f, "has page-table entry {entry:#010x} for {at}: bad flags or beyond its memory")
            }
            Self::Reserved { at } => write!(f, "maps {at}, which belongs to the Switcher"),
            Self::Linear { at } => {
                write!(f, "touched {at} before it had page tables: it has no such memory")
            }
            Self::Stack { at } => write!(f, "has a kernel stack whose page {at} it did not map writable"),
            Self::Root { at } => {
                write!(f, "switched to a page directory at physical {at}: not a page it has")
            }
            Self::Index { index } => write!(f, "changed page-directory entry {index}, beyond the last"),
        }
    }
}

impl fmt::Display for DescriptorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::GateType { vector, high } => {
                write!(f, "loaded gate {high:#010x} at vector {vector}: neither interrupt nor trap gate")
            }
            Self::Vector { vector } => write!(f, "loaded a gate at vector {vector}, beyond 255"),
            Self::Index { index } => write!(f, "loaded GDT entry {index}, beyond the last"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::GuestLinear;

    #[test]
    fn every_sentence_names_its_numbers() {
        let reason = KillReason::UnhandledTrap {
            vector: 14,
            eip: GuestLinear(0xC010_0000),
            code: 2,
            cr2: Some(GuestLinear(0xDEAD_0000)),
        };
        assert_eq!(
            reason.to_string(),
            "#PF (vector 14) at 0xc0100000, error code 0x2, touching 0xdead0000, and it has no handler for that"
        );
        let reason = KillReason::from(DescriptorError::GateType { vector: 3, high: 0x8500 });
        assert!(reason.to_string().contains("0x00008500") && reason.to_string().contains("vector 3"));
    }
}
