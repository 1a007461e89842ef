//! The CPU the Host was started on: what it must have, and how it is set.
//!
//! Whatever the loader left in the control registers is replaced by what the
//! Host means: paging with 4 MiB pages, read-only even for ring 0, and none of
//! the features a ring-1 Guest could use to get around its borders.
//!
//! Invariants:
//! - Every bit of CR4 is chosen here: PGE, SMEP, SMAP, PCE, UMIP, TSD and PAE
//!   are off ([`cr4`] builds the value from nothing).
//! - No way into ring 0 but the IDT: SYSENTER_CS is 0, SYSCALL is off, DR7 is
//!   clear ([`close_side_doors`]), and the LDT is empty ([`super::percpu`]).
//!
//! Source: Intel SDM Vol. 3, "Control Registers"; Vol. 2, "CPUID".
//!
//! Next on the tour: [`super::memory`].

use core::arch::asm;

use kernel::platform::boot_info::{BootError, Lacks};
use x86::controlregs::{Cr0, Cr4, cr0, cr0_write, cr4_write};
use x86::cpuid::{CpuId, CpuIdResult, FeatureInfo};
use x86::debugregs::{Dr7, dr7_write};
use x86::msr::{IA32_EFER, SYSENTER_CS_MSR, rdmsr, wrmsr};

use super::machine_check::MachineChecks;

/// EFLAGS bit that can be changed if there is a CPUID instruction.
const ID: u32 = 1 << 21;
/// EFER: SYSCALL enabled.
const SCE: u64 = 1;

/// What the Host and its Guests may use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Features {
    /// FXSAVE and FXRSTOR; the FPU alone is required.
    pub fxsr: bool,
    /// SSE instructions, whose state FXSAVE covers.
    pub sse: bool,
    /// RDRAND, a generator of random words.
    pub rdrand: bool,
    /// How it reports that it is broken.
    pub machine_checks: MachineChecks,
}

/// Sees that the CPU has what the Host needs.
///
/// # Errors
/// [`BootError::NoCpuid`] or [`BootError::Cpu`] with all features missing.
pub fn check() -> Result<Features, BootError> {
    if !has_cpuid() {
        return Err(BootError::NoCpuid);
    }
    let features = cpuid().get_feature_info().ok_or(BootError::NoCpuid)?;
    let needed = [
        (features.has_fpu(), "x87 FPU (FPU)"),
        (features.has_pse(), "4 MiB pages (PSE)"),
        (features.has_tsc(), "time-stamp counter (TSC)"),
        (features.has_cmpxchg8b(), "CMPXCHG8B instruction (CX8)"),
    ];
    if let Some(lacks) = Lacks::among(needed) {
        return Err(BootError::Cpu(lacks));
    }
    Ok(Features {
        fxsr: features.has_fxsave_fxstor(),
        sse: features.has_sse(),
        rdrand: features.has_rdrand(),
        machine_checks: MachineChecks::new(features.has_mce(), features.has_mca()),
    })
}

/// The CPU's maker, as it names itself, and its family and model.
pub fn describe(f: impl FnOnce(core::fmt::Arguments<'_>)) {
    let cpuid = cpuid();
    let vendor = cpuid.get_vendor_info();
    let vendor = vendor.as_ref().map_or("unknown maker", |vendor| vendor.as_str());
    let (family, model) = cpuid.get_feature_info().map_or((0, 0), |info| (info.family_id(), info.model_id()));
    f(format_args!("{vendor} family {family} model {model}"));
}

/// What CPUID says. The crate's own reader asks for SSE, which i586 has not.
fn cpuid() -> CpuId {
    CpuId::with_cpuid_fn(|leaf, subleaf| {
        let core::arch::x86::CpuidResult { eax, ebx, ecx, edx } =
            core::arch::x86::__cpuid_count(leaf, subleaf);
        CpuIdResult { eax, ebx, ecx, edx }
    })
}

/// Whether EFLAGS.ID can be flipped.
fn has_cpuid() -> bool {
    let flipped: u32;
    // SAFETY: Flips a flag that controls nothing and puts EFLAGS back.
    unsafe {
        asm!(
            "pushfd", "pushfd", "xor dword ptr [esp], {ID}", "popfd", "pushfd", "pop {now}",
            "xor {now}, [esp]", "popfd",
            now = out(reg) flipped, ID = const ID
        );
    }
    flipped & ID != 0
}

/// CR4 in the Host and in every Guest.
fn cr4(features: Features) -> Cr4 {
    let mut cr4 = Cr4::CR4_ENABLE_PSE;
    cr4.set(Cr4::CR4_ENABLE_SSE, features.fxsr);
    cr4.set(Cr4::CR4_UNMASKED_SSE, features.sse);
    cr4.set(Cr4::CR4_ENABLE_MACHINE_CHECK, features.machine_checks.exist());
    cr4
}

/// Turns on paging with the tables at `root`, and write protection for ring 0.
///
/// # Safety
/// 1. `root` maps everything in use where it is, and stays alive. 2. [`check`] gave `features`.
pub unsafe fn start_paging(root: u32, features: Features) {
    let keep = Cr0::CR0_PROTECTED_MODE | Cr0::CR0_EXTENSION_TYPE;
    let add = Cr0::CR0_ENABLE_PAGING | Cr0::CR0_WRITE_PROTECT | Cr0::CR0_NUMERIC_ERROR;
    // SAFETY: (1) and (2); caches are on, TS and EM off, since all other bits of CR0 are clear.
    unsafe {
        cr4_write(cr4(features));
        x86::controlregs::cr3_write(root.into());
        cr0_write((cr0() & keep) | add | Cr0::CR0_MONITOR_COPROCESSOR);
    }
}

/// Closes the ways into ring 0 that do not lead through the IDT, and drops breakpoints.
pub fn close_side_doors() {
    let cpuid = cpuid();
    let features = cpuid.get_feature_info();
    let has = |test: fn(&FeatureInfo) -> bool| features.as_ref().is_some_and(test);
    let has_msr = has(FeatureInfo::has_msr);
    let extended = cpuid.get_extended_processor_and_feature_identifiers();
    let has_efer = extended.is_some_and(|extended| {
        extended.has_syscall_sysret() || extended.has_execute_disable() || extended.has_64bit_mode()
    });
    // SAFETY: CPUID says each register is there; the Host uses none of what they enable.
    unsafe {
        if has_msr && has(FeatureInfo::has_sysenter_sysexit) {
            wrmsr(SYSENTER_CS_MSR, 0);
        }
        if has_msr && has_efer {
            wrmsr(IA32_EFER, rdmsr(IA32_EFER) & !SCE);
        }
        dr7_write(Dr7(Dr7::EMPTY));
    }
}

/// The TSC's frequency in Hz, if the CPU or a hypervisor below tells it.
pub fn told_tsc_hertz() -> Option<u64> {
    let cpuid = cpuid();
    let by_crystal = || cpuid.get_tsc_info()?.tsc_frequency().filter(|&hertz| hertz > 0);
    let by_hypervisor = || {
        let khz = cpuid.get_hypervisor_info()?.tsc_frequency()?;
        (khz > 0).then(|| u64::from(khz) * 1000)
    };
    let by_name = || {
        let mhz = cpuid.get_processor_frequency_info()?.processor_base_frequency();
        (mhz > 0).then(|| u64::from(mhz) * 1_000_000)
    };
    by_crystal().or_else(by_hypervisor).or_else(by_name)
}

/// Reads the time-stamp counter.
#[inline]
pub fn tsc() -> u64 {
    // SAFETY: The counter is there, `check` has seen to it, and ring 0 may read it.
    unsafe { x86::time::rdtsc() }
}

/// Sleeps until the next interrupt and serves it. The only place the Host itself is interrupted.
#[inline]
pub fn wait_for_interrupt() {
    // SAFETY: `sti` takes effect after `hlt` has begun, so no interrupt slips in between; they are
    // off again afterwards.
    unsafe { asm!("sti", "hlt", "cli", options(nostack)) }
}

/// Stops the CPU until something interrupts it, interrupts being as they are.
pub fn halt() {
    // SAFETY: Ring 0 may.
    unsafe { x86::halt() }
}
