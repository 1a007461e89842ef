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
//! Next on the tour: [`crate::segments`].

use core::arch::asm;

use abi::GuestLinear;

use crate::frames::is_in_image;
use crate::local::Local;
use crate::traps::Exception;

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
    let fixup = table().iter().find(|fixup| fixup.instruction == exception.eip.0)?;
    SEEN.set(Some(exception));
    Some(fixup.landing)
}

fn table() -> &'static [Fixup] {
    let (start, end) = (&raw const fixups_start, &raw const fixups_end);
    // SAFETY: the linker script puts both around the whole table, in the read-only data of the image.
    unsafe { core::slice::from_raw_parts(start, end.offset_from(start) as usize) }
}

fn outcome<T>(value: T) -> Probed<T> {
    match SEEN.with(Option::take) {
        Some(exception) => Err(exception),
        None => Ok(value),
    }
}

/// One instruction under the protection of the table.
macro_rules! guarded {
    ($instruction:literal $(, $($operands:tt)*)?) => {
        asm!(
            "2:", $instruction, "3:",
            ".pushsection .fixups, \"a\"", ".long 2b, 3b", ".popsection",
            $($($operands)*)?
        )
    };
}

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
    /// Tries to set a hardware breakpoint.
    mov_to_dr7 = "mov dr7, eax";
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

/// Reads a byte, a word and a dword from port 0x80 into all-zero registers.
///
/// # Errors
/// The exception, if one of them faults.
pub fn in_all_widths() -> Probed<(u32, u32, u32)> {
    let (byte, word, dword): (u32, u32, u32);
    // SAFETY: a Guest has no ports: the Host answers, or the fault lands behind the instruction.
    unsafe {
        guarded!("in al, 0x80", inout("eax") 0 => byte);
        guarded!("in ax, 0x80", inout("eax") 0 => word);
        guarded!("in eax, 0x80", inout("eax") 0 => dword);
    }
    outcome((byte, word, dword))
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

/// Loads `selector` into FS and empties it again.
///
/// # Errors
/// The exception, if it faults.
pub fn load_fs(selector: u16) -> Probed {
    // SAFETY: no code of this Guest uses FS; a fault lands behind the load.
    unsafe {
        guarded!("mov fs, {selector:e}", selector = in(reg) u32::from(selector));
        asm!("mov fs, {null:e}", null = in(reg) 0u32);
    }
    outcome(())
}

/// Reads the dword at `offset` in the segment `selector`, through FS.
///
/// # Errors
/// The exception, if it faults.
pub fn read_segment(selector: u16, offset: u32) -> Probed<u32> {
    let value: u32;
    // SAFETY: no code of this Guest uses FS, and a load changes nothing; each fault lands behind
    // its instruction.
    unsafe {
        guarded!("mov fs, {selector:e}", selector = in(reg) u32::from(selector));
        guarded!("mov {value}, fs:[{offset}]", offset = in(reg) offset, value = inout(reg) 0 => value);
        asm!("mov fs, {null:e}", null = in(reg) 0u32);
    }
    outcome(value)
}

/// Calls through `selector`, which should be no way to anywhere.
///
/// # Errors
/// The exception, if it faults.
pub fn far_call(selector: u16) -> Probed {
    let pointer = [0, u32::from(selector)];
    // SAFETY: the CPU refuses the selector, and the fault lands behind the call.
    unsafe { guarded!("call fword ptr [{pointer}]", pointer = in(reg) &raw const pointer) };
    outcome(())
}
