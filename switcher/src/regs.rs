//! The Guest's registers, as the switch leaves them in memory.
//!
//! The CPU itself pushes the upper part on leaving ring 1 or 3, a stub the
//! middle two, the switch the rest; entering pops them in reverse. The order
//! is lguest's, where it doubles as the order of a queued hypercall.
//!
//! ```text
//! high  ss esp eflags cs eip | errcode trapnum | es ds fs gs ebp edi esi edx ecx ebx eax  low
//!       pushed by the CPU      pushed by stub    pushed by the switch
//! ```
//!
//! The whole is 18 words, and ends where its page does: that is what the way out
//! presumes of a frame, and checks before it believes a word of it ([`crate::BAD_FRAME`]).
//! From virtual-8086 mode a CPU pushes nine words (gs, fs, ds and es first), so all would be
//! read four words off: a byte of EFLAGS for the vector. No Guest gets into that mode
//! on silicon; in QEMU an `iret` of any ring does it.
//!
//! Source: lguest ABI, "Register frame"; Intel SDM Vol. 3, "Interrupt and Exception Handling",
//! "Class 1—Hardware Interrupt and Exception Handling in Virtual-8086 Mode".
//!
//! Next on the tour: [`crate::descriptor`].

/// A Guest's registers between an exit and the next entry.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the fields are the registers of these names")]
pub struct GuestRegs {
    pub eax: u32,
    pub ebx: u32,
    pub ecx: u32,
    pub edx: u32,
    pub esi: u32,
    pub edi: u32,
    pub ebp: u32,
    pub gs: u32,
    pub fs: u32,
    pub ds: u32,
    pub es: u32,
    /// Vector of the exit, with [`crate::FAULT_ON_ENTRY`] if the Switcher itself faulted, or
    /// [`crate::BAD_FRAME`].
    pub trapnum: u32,
    /// Error code of the exit, 0 where the CPU gives none.
    pub errcode: u32,
    pub eip: u32,
    pub cs: u32,
    pub eflags: u32,
    pub esp: u32,
    pub ss: u32,
}

const _: () = assert!(size_of::<GuestRegs>() == 72);

impl GuestRegs {
    /// All zero.
    pub const ZERO: Self = Self {
        eax: 0,
        ebx: 0,
        ecx: 0,
        edx: 0,
        esi: 0,
        edi: 0,
        ebp: 0,
        gs: 0,
        fs: 0,
        ds: 0,
        es: 0,
        trapnum: 0,
        errcode: 0,
        eip: 0,
        cs: 0,
        eflags: 0,
        esp: 0,
        ss: 0,
    };
}
