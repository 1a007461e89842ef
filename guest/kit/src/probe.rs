//! Doing something that may fault, and saying what came of it.
//!
//! Each probe is one instruction with an entry in a table of fixups: should
//! the instruction at the first address fault, go on at the second. The trap
//! path finds the entry, notes the exception and lands; the probe returns it.
//!
//! ```text
//!   .fixups:  | instruction | landing | instruction | landing | …
//! ```
//!
//! A probe of memory refuses what Rust's own variables live in: the image. Any
//! other page belongs to whoever mapped it.
//!
//! Source: the exception tables of every kernel since Linux 2.1.
//!
//! Next on the tour: `probe/ports.rs`.

use core::arch::asm;

use abi::GuestLinear;

use crate::frames::is_in_image;
use crate::local::Local;
use crate::segment_descriptor::KERNEL_CODE;
use crate::traps::Exception;
use crate::trespass::NT;
use crate::user::NOTHING;

/// What a probe returns: the value, or the exception it ran into.
pub type Probed<T = ()> = Result<T, Exception>;

/// One line of the table.
#[repr(C)]
#[derive(Clone, Copy)]
struct Fixup {
    instruction: u32,
    landing: u32,
}

unsafe extern "C" {
    safe static fixups_start: Fixup;
    safe static fixups_end: Fixup;
}

static SEEN: Local<Option<Exception>> = Local::new(None);

/// If `exception` was expected: notes it and says where to go on.
pub(crate) fn land(exception: Exception) -> Option<u32> {
    let fixup = table().iter().find(|fixup| fixup.instruction == exception.eip.0);
    let landing = fixup.map(|fixup| fixup.landing).or_else(|| bytes::landing(exception))?;
    SEEN.set(Some(exception));
    Some(landing)
}

fn table() -> &'static [Fixup] {
    let (start, end) = (&raw const fixups_start, &raw const fixups_end);
    // SAFETY: the linker script puts both around the whole table, in the read-only data of the image.
    unsafe { core::slice::from_raw_parts(start, end.offset_from(start) as usize) }
}

pub(crate) fn outcome<T>(value: T) -> Probed<T> {
    match SEEN.with(Option::take) {
        Some(exception) => Err(exception),
        None => Ok(value),
    }
}

/// One instruction under the protection of the table.
macro_rules! guarded {
    ($instruction:expr $(, $($operands:tt)*)?) => {
        asm!(
            "2:", $instruction, "3:",
            ".pushsection .fixups, \"a\"", ".long 2b, 3b", ".popsection",
            $($($operands)*)?
        )
    };
}

mod bytes;
mod modes;
mod ports;
mod selectors;

pub use bytes::execute;
pub use modes::*;
pub use ports::*;
pub use selectors::*;

pub(crate) use guarded;

/// Reads a dword.
///
/// # Errors
/// The exception, if it faults.
pub fn read(at: GuestLinear) -> Probed<u32> {
    let value: u32;
    // SAFETY: a load changes nothing, and a fault lands behind it.
    unsafe { guarded!("mov {value}, [{at}]", at = in(reg) at.0, value = inout(reg) 0 => value) };
    outcome(value)
}

/// Writes a dword, not into the image.
///
/// # Errors
/// The exception, if it faults.
///
/// # Panics
/// If Rust's own variables live there.
pub fn write(at: GuestLinear, value: u32) -> Probed {
    assert!(!is_in_image(at), "a probe must not write the image");
    // SAFETY: what is not the image belongs to whoever mapped it; a fault lands behind the store.
    unsafe { guarded!("mov [{at}], {value}", at = in(reg) at.0, value = in(reg) value) };
    outcome(())
}

/// Probes of instructions that ring 1 may not execute, or for which somebody else stands in.
macro_rules! instructions {
    ($($(#[$doc:meta])* $name:ident = $instruction:literal;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// The exception, if it faults.
        pub fn $name() -> Probed {
            // SAFETY: at ring 1 the CPU refuses the instruction, and the fault lands behind it;
            // where the Host skips it instead, nothing has happened. EAX, ECX and EDX may
            // have been read or written by it; the operand of a table load is the null page.
            unsafe { guarded!($instruction, inout("eax") 0 => _, inout("ecx") 0 => _, inout("edx") 0 => _) };
            outcome(())
        }
    )*};
}

instructions! {
    /// Tries to turn the real interrupt flag off.
    cli = "cli";
    /// Tries to turn the real interrupt flag on.
    sti = "sti";
    /// Tries to stop the CPU.
    hlt = "hlt";
    /// Tries to load a GDT.
    lgdt = "lgdt [eax]";
    /// Tries to load an IDT.
    lidt = "lidt [eax]";
    /// Tries to load a task register.
    ltr = "ltr ax";
    /// Tries to load an LDT.
    lldt = "lldt ax";
    /// Tries to switch to page tables of its own.
    mov_to_cr3 = "mov cr3, eax";
    /// Tries to read where the real page tables are.
    mov_from_cr3 = "mov eax, cr3";
    /// Tries to turn paging off.
    mov_to_cr0 = "mov cr0, eax";
    /// Tries to clear the task-switched flag.
    clts = "clts";
    /// Tries to enter a kernel the way of the Pentium II.
    sysenter = "sysenter";
    /// Tries to enter a kernel the way of the K6.
    syscall = "syscall";
    /// Tries to read a performance counter.
    rdpmc = "rdpmc";
    /// Tries to read a model-specific register.
    rdmsr = "rdmsr";
    /// Tries to write a model-specific register.
    wrmsr = "wrmsr";
    /// Tries to throw the caches away.
    invd = "invd";
    /// Tries to drop one page from the TLB.
    invlpg = "invlpg [eax]";
    /// Executes what no CPU knows.
    ud2 = "ud2";
    /// Makes FLUSH_ASYNC by `vmcall`, which a CPU that runs no such machine does not know either.
    vmcall = "vmcall";
    /// Touches the FPU.
    fnop = "fnop";
    /// Sends a byte to port 0x80.
    out_byte = "out 0x80, al";
}

/// Divides by zero.
///
/// # Errors
/// The exception, always.
pub fn divide_by_zero() -> Probed {
    // SAFETY: the fault lands behind the division; the registers are declared.
    unsafe { guarded!("div {zero}", zero = in(reg) 0, inout("eax") 1 => _, inout("edx") 0 => _) };
    outcome(())
}

/// Returns from an interrupt with NT set, which asks the CPU for the task that was interrupted.
///
/// # Errors
/// The exception, always: no task was.
pub fn nested_iret() -> Probed {
    // SAFETY: whether the instruction faults or not, the stack is put back to where it was and the
    // flags are those saved on it.
    unsafe {
        asm!(
            "pushfd",
            "mov {stack}, esp",
            "push dword ptr [esp]", // should NT not count after all: a frame that leads behind it
            "push {CODE}",
            "lea {scratch}, [3f]",
            "push {scratch}",
            "pushfd",
            "or dword ptr [esp], {NT}",
            "popfd",
            "2:", "iretd", "3:",
            "mov esp, {stack}",
            "popfd",
            ".pushsection .fixups, \"a\"", ".long 2b, 3b", ".popsection",
            stack = out(reg) _, scratch = out(reg) _,
            CODE = const KERNEL_CODE, NT = const NT,
        );
    }
    outcome(())
}

/// Calls interrupt vector `0x80` from ring 1.
///
/// # Errors
/// The exception, if there is no gate for it.
pub fn system_call() -> Probed {
    // SAFETY: the gate that may be there leads to the kit, which serves call [`NOTHING`] and returns.
    unsafe { guarded!("int 0x80", in("eax") NOTHING) };
    outcome(())
}

/// Calls interrupt vector `0x81`, for which a Guest never has a gate.
///
/// # Errors
/// The exception, if it faults.
pub fn software_interrupt() -> Probed {
    // SAFETY: the CPU refuses it, and the fault lands behind it.
    unsafe { guarded!("int 0x81") };
    outcome(())
}
