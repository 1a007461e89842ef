//! Instructions in front of a device's registers, to see what the Host makes of each.
//!
//! What compilers use to read and write a register is performed, arithmetic
//! that only reads it too; anything else is a page fault, as if the page forbade
//! it.
//!
//! Source: Intel SDM Vol. 2, "MOV", "MOVZX", "MOVSX", "CMP", "TEST".
//!
//! Next on the tour: [`crate::report`].

use core::arch::asm;

use abi::GuestLinear;

use crate::frames::Frame;
use crate::page_table::Entry;
use crate::paging::{Root, WINDOW};
use crate::probe::{Probed, outcome};

/// What EAX holds before each read.
pub const MARK: u32 = 0x1122_3344;

/// Reads in every form, each into EAX.
macro_rules! reads {
    ($($(#[$doc:meta])* $name:ident = $instruction:literal;)*) => {$(
        $(#[$doc])*
        pub fn $name(at: GuestLinear) -> u32 {
            let value: u32;
            // SAFETY: reading a register moves no byte of the Guest's; the operands are declared.
            unsafe {
                asm!($instruction, in("edx") at.0, in("ecx") at.0 >> 2, inout("eax") MARK => value, options(nostack));
            }
            value
        }
    )*};
}

reads! {
    /// A dword.
    dword = "mov eax, [edx]";
    /// A dword, by a sum of two registers and a number.
    dword_by_sum = "mov eax, [edx + ecx * 4 - 0x10]; nop";
    /// A dword, by four times a register.
    dword_by_index = "mov eax, [ecx * 4 + 0]";
    /// A dword through a segment that begins at 0.
    dword_by_es = "mov eax, es:[edx]";
    /// A word.
    word = "mov ax, [edx]";
    /// A byte.
    byte = "mov al, [edx]";
    /// A byte, into the second of EAX.
    high_byte = "mov ah, [edx]";
    /// A byte, made a dword with zeroes.
    byte_zero = "movzx eax, byte ptr [edx]";
    /// A byte, made a word with zeroes.
    byte_zero_word = "movzx ax, byte ptr [edx]";
    /// A word, made a dword with zeroes.
    word_zero = "movzx eax, word ptr [edx]";
    /// A byte, made a dword with copies of its sign.
    byte_sign = "movsx eax, byte ptr [edx]";
    /// A word, made a dword with copies of its sign.
    word_sign = "movsx eax, word ptr [edx]";
    /// A dword, and what EAX has besides.
    or = "or eax, [edx]";
    /// A dword, taken from EAX.
    subtract = "sub eax, [edx]";
    /// A byte, and whether it is more than AL, but for the sign.
    byte_is_above = "cmp al, [edx]; mov eax, 0; setb al";
    /// A byte, and whether it is less than 3 with its sign.
    byte_is_below_3 = "cmp byte ptr [edx], 3; mov eax, 0; setl al";
    /// A byte, and whether its bit 1 is clear.
    bit_1_is_clear = "test byte ptr [edx], 2; mov eax, 0; setz al";
}

/// Writes in every form.
macro_rules! writes {
    ($($(#[$doc:meta])* $name:ident = $instruction:literal;)*) => {$(
        $(#[$doc])*
        pub fn $name(at: GuestLinear) {
            // SAFETY: what a device does to memory it does by its queues; the operands are declared.
            unsafe { asm!($instruction, in("edx") at.0, in("eax") MARK, options(nostack)) };
        }
    )*};
}

writes! {
    /// EAX, which is [`MARK`].
    put_dword = "mov [edx], eax";
    /// AX.
    put_word = "mov [edx], ax";
    /// AL.
    put_byte = "mov [edx], al";
    /// AH.
    put_high_byte = "mov [edx], ah";
    /// A dword of the instruction's own.
    put_number = "mov dword ptr [edx], 0x55667788";
    /// A word of the instruction's own.
    put_word_number = "mov word ptr [edx], 0x99AA";
    /// A byte of the instruction's own.
    put_byte_number = "mov byte ptr [edx], 3";
}

/// Instructions that nobody performs.
macro_rules! refused {
    ($($(#[$doc:meta])* $name:ident = $instruction:literal;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// The exception, if it faults.
        pub fn $name(at: GuestLinear) -> Probed {
            let mut elsewhere = 0u32;
            // SAFETY: no memory is behind a device's page, so the CPU refuses the instruction and
            // the fault lands behind it; `esp` is put back, and the other operand is `elsewhere`.
            unsafe {
                asm!(
                    "mov {stack}, esp",
                    "xchg esi, {other}",
                    "2:", $instruction, "3:",
                    "xchg esi, {other}",
                    "mov esp, {stack}",
                    ".pushsection .fixups, \"a\"", ".long 2b, 3b", ".popsection",
                    stack = out(reg) _, other = inout(reg) at.0 => _,
                    inout("edi") &raw mut elsewhere => _, inout("ecx") 1 => _, inout("eax") 0 => _,
                );
            }
            outcome(())
        }
    )*};
}

refused! {
    /// A string.
    copy_string = "rep movsd";
    /// Onto the stack.
    push = "push dword ptr [esi]";
    /// In one go, and back.
    locked_add = "lock add dword ptr [esi], ecx";
    /// Exchanged.
    exchange = "xchg eax, [esi]";
    /// Into the FPU.
    to_fpu = "fild dword ptr [esi]";
    /// Added to.
    add = "add [esi], ecx";
    /// Jumped to.
    jump_by = "jmp [esi]";
    /// A dword across the end of the page, when `at` is one of its last three bytes.
    across = "mov eax, [esi]";
}

/// Reads the dword at `at` by an instruction on a page of its own, twice; between the two `unmap` is
/// given the page.
pub fn read_by_code_elsewhere(at: GuestLinear, unmap: impl FnOnce(GuestLinear)) -> (u32, u32) {
    let frame = Frame::alloc();
    frame.copy_from(&[0x8B, 0x02, 0xC3]); // mov eax, [edx]; ret
    Root::current().map(WINDOW, &frame, Entry::KERNEL);
    let read = || {
        let value: u32;
        // SAFETY: the code on that page reads and returns.
        unsafe { asm!("call ecx", in("ecx") WINDOW.0, in("edx") at.0, inout("eax") 0 => value) };
        value
    };
    let before = read();
    unmap(WINDOW);
    let values = (before, read());
    Root::current().unmap(WINDOW);
    values
}
