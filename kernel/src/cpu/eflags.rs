//! Bits of EFLAGS that the Host has to do with, by the SDM's names.
//!
//! Source: Intel SDM Vol. 1, "EFLAGS Register".
//!
//! Next on the tour: [`super::pause`].

/// EFLAGS.TF: a #DB after each instruction.
pub const TF: u32 = 1 << 8;
/// EFLAGS.RF, which a fault sets in the flags it saves and the next completed instruction clears.
pub const RF: u32 = 1 << 16;
/// EFLAGS.VM: virtual-8086 mode.
pub const VM: u32 = 1 << 17;
