//! Probes of ports, of which a Guest has none.
//!
//! Next on the tour: `probe/bytes.rs`.

use core::arch::asm;

use super::{Probed, outcome};

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

/// Ports read through prefixes, into all-zero registers: a segment override, an address size, both
/// and a repeat that means nothing here, before 16 and 32 bits and before a byte.
///
/// # Errors
/// The exception, if one of them faults.
pub fn in_with_prefixes() -> Probed<[u32; 4]> {
    let (word, dword, byte, again): (u32, u32, u32, u32);
    // SAFETY: a Guest has no ports: the Host answers, or the fault lands behind the instruction.
    unsafe {
        guarded!(".byte 0x2e, 0x66, 0xed", inout("eax") 0 => word, in("edx") 0x80);
        guarded!(".byte 0x67, 0x3e, 0xe5, 0x80", inout("eax") 0 => dword);
        guarded!(".byte 0x26, 0x67, 0xe4, 0x80", inout("eax") 0 => byte);
        guarded!(".byte 0x66, 0x66, 0x64, 0x67, 0xe5, 0x80", inout("eax") 0 => again);
    }
    outcome([word, dword, byte, again])
}

/// Ports written through prefixes.
///
/// # Errors
/// The exception, if one of them faults.
pub fn out_with_prefixes() -> Probed {
    // SAFETY: as for reading.
    unsafe {
        guarded!(".byte 0x2e, 0x66, 0xef", in("eax") 0, in("edx") 0x80);
        guarded!(".byte 0x67, 0x65, 0xe7, 0x80", in("eax") 0);
        guarded!(".byte 0x36, 0x67, 0xee", in("eax") 0, in("edx") 0x80);
    }
    outcome(())
}

/// Writes a string to a port, which the Host does not do for anybody.
///
/// # Errors
/// The exception, always.
pub fn out_string() -> Probed {
    // SAFETY: the CPU refuses it, and the fault lands behind it; ESI is where it would read.
    unsafe {
        asm!(
            "xchg esi, {byte}", "2:", ".byte 0x2e, 0x6e", "3:", "xchg esi, {byte}",
            ".pushsection .fixups, \"a\"", ".long 2b, 3b", ".popsection",
            byte = in(reg) &raw const OUT_BYTE, in("edx") 0x80,
        );
    }
    outcome(())
}

/// What [`out_string`] would send.
static OUT_BYTE: u8 = 0;
