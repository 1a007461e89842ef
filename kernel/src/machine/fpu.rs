//! The FPU, passed from Guest to Guest.
//!
//! The Host itself uses no floats, so the FPU belongs to whichever Guest ran
//! last. When another one runs, the state of the first is put away and that of
//! the second brought back, whole and at once: nothing of one Guest's numbers
//! is ever in a register while another runs.
//!
//! Invariants:
//! - A Guest that has not run before finds the FPU as after FNINIT, with
//!   everything else zero ([`FpuState::fresh`]).
//! - No address of another Guest's last FPU instruction or operand is left
//!   behind, whoever made the CPU: FXRSTOR leaves them alone on AMD's when no
//!   exception is pending (CVE-2006-1056), so FNINIT clears them before
//!   (`a_state_is_never_loaded_over_anothers_pointers`).
//!
//! Source: Intel SDM Vol. 2, "FINIT/FNINIT"; Vol. 1, "FXSAVE and FXRSTOR", "Saving the x87 FPU's
//! State with FSTENV/FNSTENV and FSAVE/FNSAVE".
//!
//! Next on the tour: [`super::enter`].

use core::arch::asm;

use kernel::cpu::fpu::{IMAGE_LEN, Image, Kind};

/// Offset of MXCSR in what FXSAVE stores, and its value after reset.
const MXCSR: usize = 24;
const MXCSR_RESET: u32 = 0x1F80;
/// x87 control word after FNINIT.
const CONTROL_RESET: u16 = 0x037F;
/// x87 tag word after FNINIT, as FNSAVE stores it: all empty.
const TAGS_EMPTY: u16 = 0xFFFF;
/// Offset of the tag word in what FNSAVE stores.
const TAGS: usize = 8;

/// A Guest's FPU registers, put away.
#[repr(C, align(16))]
pub struct FpuState([u8; IMAGE_LEN]);

impl FpuState {
    /// The state of an FPU nobody has used.
    pub fn fresh(kind: Kind) -> Self {
        let mut state = [0; IMAGE_LEN];
        state[..2].copy_from_slice(&CONTROL_RESET.to_le_bytes());
        match kind {
            Kind::X87 => state[TAGS..TAGS + 2].copy_from_slice(&TAGS_EMPTY.to_le_bytes()),
            Kind::Fx => state[MXCSR..MXCSR + 4].copy_from_slice(&MXCSR_RESET.to_le_bytes()),
        }
        Self(state)
    }

    /// The registers, for who wants to look at them.
    pub fn image(&self, kind: Kind) -> Image {
        Image { kind, bytes: self.0 }
    }

    /// Takes the registers of `image`, which keeps reserved bits clear.
    pub fn replace(&mut self, image: &Image) {
        self.0 = image.bytes;
    }

    /// Stores the FPU's registers here.
    ///
    /// # Safety
    /// CR0.TS is clear, and CPUID says there are the instructions of `kind`.
    pub unsafe fn save(&mut self, kind: Kind) {
        let to = self.0.as_mut_ptr();
        // SAFETY: The contract; 512 bytes, aligned to 16, are enough for both.
        unsafe {
            match kind {
                Kind::X87 => asm!("fnsave [{}]", in(reg) to, options(nostack)),
                Kind::Fx => asm!("fxsave [{}]", in(reg) to, options(nostack)),
            }
        }
    }

    /// Loads the FPU's registers from here.
    ///
    /// # Safety
    /// As [`FpuState::save`].
    pub unsafe fn load(&self, kind: Kind) {
        let from = self.0.as_ptr();
        // SAFETY: The contract; what is here was made by `fresh` or `save` of the same kind, and
        // changed by `kernel::cpu::fpu` if at all, so no reserved bit is set.
        unsafe {
            match kind {
                Kind::X87 => asm!("frstor [{}]", in(reg) from, options(nostack)),
                Kind::Fx => asm!("fninit", "fxrstor [{}]", in(reg) from, options(nostack)),
            }
        }
    }
}
