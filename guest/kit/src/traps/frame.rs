//! What lies on the stack while a trap is handled.
//!
//! ```text
//!   ss esp                  only from ring 3          high
//!   eflags cs eip           pushed by CPU or Host
//!   code                    or 0, by the stub
//!   vector                  by the stub
//!   eax … edi               pushad
//!   ds es fs gs             by the common path        low, = esp
//! ```
//!
//! Invariants: the frame is as large as what is pushed (asserted).
//!
//! Next on the tour: [`super`].

use core::fmt;
use core::mem::size_of;
use core::sync::atomic::Ordering;

use abi::GuestLinear;
use abi::kill::mnemonic;
use abi::lguest_data::IF;

use crate::shared;

/// The saved registers, which the handler may change.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the SDM names the registers")]
pub struct TrapFrame {
    pub gs: u32,
    pub fs: u32,
    pub es: u32,
    pub ds: u32,
    pub edi: u32,
    pub esi: u32,
    pub ebp: u32,
    /// ESP as `pushad` saw it; nobody reads it back.
    pub kernel_esp: u32,
    pub ebx: u32,
    pub edx: u32,
    pub ecx: u32,
    pub eax: u32,
    pub vector: u32,
    pub code: u32,
    pub eip: u32,
    pub cs: u32,
    pub eflags: u32,
    /// Only there if [`TrapFrame::is_from_user`].
    pub esp: u32,
    /// Only there if [`TrapFrame::is_from_user`].
    pub ss: u32,
}

const _: () = assert!(size_of::<TrapFrame>() == 4 * (4 + 8 + 2 + 5));

impl TrapFrame {
    /// The vector, of which the stub pushed a sign-extended byte.
    pub fn vector(&self) -> u8 {
        self.vector as u8
    }

    /// Whether ring 3 was interrupted.
    pub fn is_from_user(&self) -> bool {
        self.cs & 3 == 3
    }

    /// The exception this frame tells of.
    pub fn exception(&self) -> Exception {
        Exception {
            vector: self.vector(),
            code: self.code,
            cr2: GuestLinear(shared::cr2().load(Ordering::Relaxed)),
            eip: GuestLinear(self.eip),
            ring: (self.cs & 3) as u8,
            interrupts_were_on: self.eflags & IF != 0,
        }
    }
}

/// An exception, once it is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Exception {
    /// Its vector.
    pub vector: u8,
    /// The error code, 0 for vectors without one.
    pub code: u32,
    /// The address of the last page fault; this one, if the vector is 14.
    pub cr2: GuestLinear,
    /// The instruction.
    pub eip: GuestLinear,
    /// The ring it ran in.
    pub ring: u8,
    /// The interrupt flag in the frame.
    pub interrupts_were_on: bool,
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {} in ring {}, code {:#x}", mnemonic(self.vector), self.eip, self.ring, self.code)?;
        if self.vector == 14 { write!(f, ", touching {}", self.cr2) } else { Ok(()) }
    }
}
