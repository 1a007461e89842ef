//! What a person reads when the Host itself has faulted.
//!
//! An exception in ring 0 is a bug of ours. All that is known about it is put
//! into words: which exception, what its error code says, every register, and
//! the top of the stack with the words marked that look like return addresses,
//! which is most of a back trace and needs no frame pointers.
//!
//! Invariants: each line begins with `host:`
//! (`every_line_of_a_dump_is_a_line_of_the_host`).
//!
//! Source: Intel SDM Vol. 3, "Exception and Interrupt Reference".
//!
//! Next on the tour: the machine.

use core::fmt;
use core::ops::Range;

use abi::kill::mnemonic;

const PAGE_FAULT: u32 = 14;

/// The general and segment registers at an exception; the order is that of the Host's stubs.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs, reason = "the fields are the registers of these names")]
pub struct TrapFrame {
    pub gs: u32,
    pub fs: u32,
    pub es: u32,
    pub ds: u32,
    pub edi: u32,
    pub esi: u32,
    pub ebp: u32,
    /// Of no use: `pushad` stores the middle of the frame here.
    pub esp_inside: u32,
    pub ebx: u32,
    pub edx: u32,
    pub ecx: u32,
    pub eax: u32,
    /// Which exception or interrupt.
    pub vector: u32,
    /// Its error code, 0 where the CPU gives none.
    pub code: u32,
    pub eip: u32,
    pub cs: u32,
    pub eflags: u32,
}

/// An exception of the Host, ready to be printed.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields are the registers of these names")]
pub struct Dump<'a> {
    /// The registers.
    pub frame: TrapFrame,
    /// ESP before the exception.
    pub esp: u32,
    pub cr0: u32,
    pub cr2: u32,
    pub cr3: u32,
    pub cr4: u32,
    /// Where `stack` begins: at ESP, or at the stack's first word if it has overflowed.
    pub stack_at: u32,
    /// Words of the stack, as many as are safe to read.
    pub stack: &'a [u32],
    /// The Host's code.
    pub text: Range<u32>,
}

/// The SDM's name of an exception.
pub const fn name(vector: u32) -> &'static str {
    match vector {
        0 => "divide error",
        1 => "debug exception",
        2 => "non-maskable interrupt",
        3 => "breakpoint",
        4 => "overflow",
        5 => "bound range exceeded",
        6 => "invalid opcode",
        7 => "device not available",
        8 => "double fault",
        10 => "invalid TSS",
        11 => "segment not present",
        12 => "stack fault",
        13 => "general protection",
        14 => "page fault",
        16 => "x87 FPU error",
        17 => "alignment check",
        18 => "machine check",
        19 => "SIMD floating-point exception",
        _ => "reserved exception",
    }
}

impl fmt::Display for Dump<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let frame = &self.frame;
        let vector = frame.vector;
        write!(
            f,
            "host: {} {} (vector {vector}) at {:#010x}",
            mnemonic(vector as u8),
            name(vector),
            frame.eip
        )?;
        self.explain_code(f)?;
        let TrapFrame { eax, ebx, ecx, edx, esi, edi, ebp, .. } = *frame;
        writeln!(f, "host: eax {eax:08x}  ebx {ebx:08x}  ecx {ecx:08x}  edx {edx:08x}")?;
        writeln!(f, "host: esi {esi:08x}  edi {edi:08x}  ebp {ebp:08x}  esp {:08x}", self.esp)?;
        let TrapFrame { cs, ds, es, fs, gs, eflags, .. } = *frame;
        // The CPU leaves the upper half of a pushed selector as it was.
        let [cs, ds, es, fs, gs] = [cs, ds, es, fs, gs].map(|selector| selector & 0xFFFF);
        writeln!(f, "host: cs {cs:04x} ds {ds:04x} es {es:04x} fs {fs:04x} gs {gs:04x} eflags {eflags:08x}")?;
        let Self { cr0, cr2, cr3, cr4, .. } = *self;
        writeln!(f, "host: cr0 {cr0:08x}  cr2 {cr2:08x}  cr3 {cr3:08x}  cr4 {cr4:08x}")?;
        self.stack_words(f)
    }
}

impl Dump<'_> {
    fn explain_code(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.frame.code;
        if self.frame.vector == PAGE_FAULT {
            let present = if code & 1 != 0 { "not allowed by the page" } else { "no such page" };
            let access = match (code & 0b10 != 0, code & 0b1_0000 != 0) {
                (true, _) => "write to",
                (false, true) => "fetch from",
                (false, false) => "read of",
            };
            return writeln!(f, ": {access} {:#010x}, {present}", self.cr2);
        }
        if code == 0 {
            return writeln!(f);
        }
        let table = match code >> 1 & 3 {
            0 => "GDT",
            2 => "LDT",
            _ => "IDT",
        };
        writeln!(f, ", error code {code:#x}: {table} entry {:#x}", code >> 3)
    }

    fn stack_words(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (row, words) in self.stack.chunks(4).enumerate() {
            write!(f, "host: {:08x}:", self.stack_at.wrapping_add(16 * row as u32))?;
            for &word in words {
                let mark = if self.text.contains(&word) { '*' } else { ' ' };
                write!(f, " {mark}{word:08x}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dump(vector: u32, code: u32) -> String {
        let frame = TrapFrame { vector, code, eip: 0x10_1234, ..TrapFrame::default() };
        let stack = [0x10_0010, 7, 8, 9, 0x10_0020];
        Dump {
            frame,
            esp: 0x8000,
            cr0: 0,
            cr2: 0xDEAD_0000,
            cr3: 0,
            cr4: 0,
            stack_at: 0x8000,
            stack: &stack,
            text: 0x10_0000..0x11_0000,
        }
        .to_string()
    }

    #[test]
    fn every_line_of_a_dump_is_a_line_of_the_host() {
        let dump = dump(13, 0x82);
        assert!(dump.ends_with('\n') && dump.lines().all(|line| line.starts_with("host: ")), "{dump}");
    }

    #[test]
    fn an_error_code_is_put_into_words() {
        assert!(
            dump(14, 0b10)
                .contains("#PF page fault (vector 14) at 0x00101234: write to 0xdead0000, no such page")
        );
        assert!(dump(14, 0b01).contains("read of 0xdead0000, not allowed by the page"));
        assert!(dump(13, 0x82).contains("error code 0x82: IDT entry 0x10"));
        assert!(dump(6, 0).contains("#UD invalid opcode (vector 6) at 0x00101234\n"));
    }

    #[test]
    fn return_addresses_are_marked() {
        let dump = dump(6, 0);
        assert!(dump.contains("host: 00008000: *00100010  00000007  00000008  00000009\n"), "{dump}");
        assert!(dump.contains("host: 00008010: *00100020\n"), "{dump}");
    }
}
