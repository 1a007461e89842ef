//! Machine checks: whether the CPU itself knows of one.
//!
//! A machine check ends the machine, so nobody may forge one. Where the CPU
//! cannot raise any (no MCE, which is CR4.MCE off), none is believed; else a
//! register of its own has to say that one is in progress.
//!
//! Source: Intel SDM Vol. 3, "Machine-Check Architecture", "Pentium Processor
//! Machine-Check Exception Handling"; Vol. 4, "IA32_MCG_STATUS", "P5_MC_TYPE".
//!
//! Next on the tour: [`super::nmi`].

use x86::msr::{IA32_MCG_STATUS, P5_MC_TYPE, rdmsr};

/// IA32_MCG_STATUS: a machine check is in progress.
const MCIP: u64 = 1 << 2;
/// P5_MC_TYPE: what is latched is of a machine check.
const CHK: u64 = 1;

/// How a CPU reports machine checks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MachineChecks {
    /// Not at all.
    None,
    /// As a Pentium does.
    Pentium,
    /// By the machine-check architecture, from the Pentium Pro on.
    Architecture,
}

impl MachineChecks {
    /// By the CPUID bits MCE and MCA.
    pub const fn new(mce: bool, mca: bool) -> Self {
        match (mce, mca) {
            (false, _) => Self::None,
            (true, false) => Self::Pentium,
            (true, true) => Self::Architecture,
        }
    }

    /// Whether there are any, so that CR4.MCE may be set.
    pub const fn exist(self) -> bool {
        !matches!(self, Self::None)
    }

    /// Whether one is in progress.
    pub fn is_one(self) -> bool {
        match self {
            Self::None => false,
            // SAFETY: Ring 0 may, and a CPU with MCE and without MCA has the Pentium's register.
            Self::Pentium => unsafe { rdmsr(P5_MC_TYPE) & CHK != 0 },
            // SAFETY: Ring 0 may, and CPUID says that the register is there.
            Self::Architecture => unsafe { rdmsr(IA32_MCG_STATUS) & MCIP != 0 },
        }
    }
}
