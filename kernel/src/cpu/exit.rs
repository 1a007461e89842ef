//! Why a Guest came back, decoded once.
//!
//! The Switcher leaves a vector and an error code. Everybody else works with
//! [`TrapExit`], in which the page fault has its address and a fault of the
//! switch itself cannot be mistaken for the Guest's, nor a frame that no Guest
//! leaves on a CPU that keeps to its manual for an exit.
//!
//! Invariants:
//! - What the Switcher marked as no exit is none, whatever the vector
//!   (`a_frame_at_the_wrong_place_is_no_exit`).
//!
//! Source: lguest ABI, "Reflecting a trap"; Intel SDM Vol. 3, "Interrupt and
//! Exception Handling".
//!
//! Next on the tour: [`crate::run::trap`].

use abi::GuestLinear;
use abi::hypercall::{HYPERCALL_VECTOR, SYSCALL_VECTOR};
use switcher::{BAD_FRAME, FAULT_ON_ENTRY};

/// The vector of a debug exception, #DB.
pub const DEBUG: u8 = 1;
/// The vector of `int3`, #BP.
pub const BREAKPOINT: u8 = 3;

// Whatever says that it was no exit is above all vectors.
const _: () = assert!(FAULT_ON_ENTRY >= 0x100 && BAD_FRAME >= 0x100);

/// The end of a Guest's turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TrapExit {
    /// `int 0x1f`.
    Hypercall,
    /// A translation is missing or forbids what was tried.
    PageFault {
        /// CR2.
        at: GuestLinear,
        /// The CPU's error code.
        code: PageFaultCode,
    },
    /// Something only ring 0 may do, or a bad selector.
    GeneralProtection(u32),
    /// The FPU was used while CR0.TS is set.
    DeviceNotAvailable,
    /// A fault while delivering a fault.
    DoubleFault,
    /// A device of the Host.
    HostInterrupt(u8),
    /// A non-maskable interrupt, the Host's.
    Nmi,
    /// The machine itself is broken, if its registers say so too.
    MachineCheck,
    /// Any other exception, and the system call when it is not direct.
    Exception {
        /// The vector.
        vector: u8,
        /// The error code, 0 where there is none.
        code: u32,
    },
    /// The Guest's segments could not be loaded: the Switcher itself faulted.
    BadEntry {
        /// The vector.
        vector: u8,
        /// The error code.
        code: u32,
    },
    /// The frame was not where a Guest's exit leaves it. The registers are not to be believed; the
    /// vector is the stub's own, so a device of the Host that came meanwhile is served.
    BadFrame {
        /// The vector.
        vector: u8,
    },
}

/// The error code of a page fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PageFaultCode(pub u32);

impl PageFaultCode {
    /// The translation was present and forbade the access.
    pub const PRESENT: u32 = 1;
    /// It was a write.
    pub const WRITE: u32 = 2;
    /// It came from ring 3.
    pub const USER: u32 = 4;

    /// Whether it was a write.
    pub const fn is_write(self) -> bool {
        self.0 & Self::WRITE != 0
    }

    /// Whether it came from ring 3.
    pub const fn is_user(self) -> bool {
        self.0 & Self::USER != 0
    }

    /// The code of a fetch by the same ring.
    pub const fn of_a_fetch(self) -> Self {
        Self(self.0 & Self::USER)
    }

    /// The code the Guest should see: bit 0 as *its* tables have it.
    pub const fn seen_by_guest(self, present: bool) -> Self {
        Self(self.0 & (Self::WRITE | Self::USER) | present as u32)
    }
}

/// The kinds of exits. A call is one by whatever instruction it was made.
pub const KINDS: [&str; 6] = ["hypercall", "page-fault", "protection", "fpu", "exception", "interrupt"];

/// The kind of exit that `vector` is, as an index into [`KINDS`].
pub const fn kind(vector: u8) -> usize {
    match vector {
        HYPERCALL_VECTOR => 0,
        14 => 1,
        13 => 2,
        7 => 3,
        2 => 5,
        0..32 | SYSCALL_VECTOR => 4,
        32.. => 5,
    }
}

impl TrapExit {
    /// Decodes what the Switcher left in [`GuestRegs`](switcher::GuestRegs); `cr2` counts for a
    /// page fault only.
    #[inline]
    pub fn decode(trapnum: u32, code: u32, cr2: u32) -> Self {
        const CALL: u32 = HYPERCALL_VECTOR as u32;
        const SYSCALL: u32 = SYSCALL_VECTOR as u32;
        let vector = trapnum as u8;
        match trapnum {
            CALL => Self::Hypercall,
            14 => Self::PageFault { at: GuestLinear(cr2), code: PageFaultCode(code) },
            13 => Self::GeneralProtection(code),
            7 => Self::DeviceNotAvailable,
            8 => Self::DoubleFault,
            2 => Self::Nmi,
            18 => Self::MachineCheck,
            0..32 | SYSCALL => Self::Exception { vector, code },
            32..0x100 => Self::HostInterrupt(vector),
            0x100.. => Self::no_exit(trapnum, vector, code),
        }
    }

    /// Interrupts are off in the Switcher, so none of them can be a fault on entry.
    #[cold]
    fn no_exit(trapnum: u32, vector: u8, code: u32) -> Self {
        match vector {
            _ if trapnum & BAD_FRAME != 0 => Self::BadFrame { vector },
            18 => Self::MachineCheck,
            0..32 => Self::BadEntry { vector, code },
            32.. => Self::BadFrame { vector },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(trapnum: u32, errcode: u32) -> TrapExit {
        TrapExit::decode(trapnum, errcode, 0x1234)
    }

    #[test]
    fn a_page_fault_knows_its_address() {
        let code = PageFaultCode(6);
        assert_eq!(decode(14, 6), TrapExit::PageFault { at: GuestLinear(0x1234), code });
        assert!(code.is_write() && code.is_user());
    }

    #[test]
    fn a_fault_of_the_switch_is_not_the_guests_fault() {
        assert_eq!(decode(0x10D, 0x58), TrapExit::BadEntry { vector: 13, code: 0x58 });
        assert_eq!(decode(13, 0x58), TrapExit::GeneralProtection(0x58));
    }

    #[test]
    fn a_frame_at_the_wrong_place_is_no_exit() {
        for vector in 0..=u8::MAX {
            assert_eq!(decode(BAD_FRAME | u32::from(vector), 0), TrapExit::BadFrame { vector });
        }
        assert_eq!(decode(BAD_FRAME | FAULT_ON_ENTRY | 13, 0), TrapExit::BadFrame { vector: 13 });
        assert_eq!(decode(FAULT_ON_ENTRY | 0x20, 0), TrapExit::BadFrame { vector: 0x20 });
    }

    #[test]
    fn a_system_call_is_no_hardware_interrupt() {
        assert_eq!(decode(0x80, 0), TrapExit::Exception { vector: 0x80, code: 0 });
        assert_eq!(decode(0x81, 0), TrapExit::HostInterrupt(0x81));
    }

    #[test]
    fn a_guest_is_told_what_its_own_tables_say() {
        assert_eq!(PageFaultCode(2).seen_by_guest(true), PageFaultCode(3));
        assert_eq!(PageFaultCode(5).seen_by_guest(false), PageFaultCode(4));
    }
}
