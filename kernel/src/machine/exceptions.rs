//! The Host's own exceptions: stubs, and the dump they end in.
//!
//! In ring 0 there is no exception the Host expects, so each one is told as
//! well as possible and ends the machine. Interrupts of devices come through
//! the same stubs, go to [`super::interrupts`] and return.
//!
//! The stubs are all of one length, so the address of one is arithmetic.
//!
//! Invariants:
//! - The frame the stubs build is [`TrapFrame`], field by field (asserted as
//!   far as a number can tell).
//! - An interrupt of the Host is survived whatever selectors the last Guest left
//!   in FS and GS (`sleep_with_own_segment`, a test Guest).
//! - A dump reads no memory that may be absent: only what is left of a stack
//!   it knows.
//!
//! Source: Intel SDM Vol. 3, "Exception and Interrupt Handling".
//!
//! Next on the tour: [`super::machine_check`].

use core::arch::global_asm;
use core::mem::offset_of;

use kernel::platform::dump::{Dump, TrapFrame};
use switcher::HOST_DS;
use x86::controlregs::{cr0, cr2, cr3, cr4};

use super::memory::Image;
use super::stack::{BOOT_STACK, DOUBLE_FAULT_STACK};
use super::{emergency, interrupts};

/// Vectors with a stub: the exceptions and the interrupt controllers' lines.
pub const VECTORS: usize = 48;
/// Exceptions for which the CPU pushes an error code: 8, 10 to 14 and 17.
const HAS_ERROR: u32 = 1 << 8 | 0b11111 << 10 | 1 << 17;
/// Bytes from one stub to the next.
const STUB: usize = 16;
/// Words of the stack a dump shows.
const WORDS: usize = 24;

unsafe extern "C" {
    static exception_stubs: u8;
}

// The frame, from high to low: eflags cs eip (CPU) | code vector (stub) | eax … edi | ds es fs gs.
global_asm!(
    ".pushsection .text.exception_stubs, \"ax\"",
    ".globl exception_stubs", // the compiler may put `stub` into another object file
    ".balign {STUB}",
    "exception_stubs:",
    ".set vector, 0",
    ".rept {VECTORS}",
    "    .balign {STUB}",
    "    .if (vector > 31) || !(({HAS_ERROR} >> vector) & 1)",
    "        push 0",
    "    .endif",
    "    push vector",
    "    jmp exception_common",
    "    .set vector, vector + 1",
    ".endr",
    "exception_common:",
    "    pushad",
    // By way of EAX: as an operand of `push`, a segment register would be 16 bits here.
    ".irp segment, ds, es, fs, gs",
    "    mov eax, \\segment",
    "    push eax",
    ".endr",
    "    mov eax, {DS}",
    "    mov ds, eax",
    "    mov es, eax",
    "    cld",
    "    push esp",
    "    call {HANDLE}",
    // FS and GS stay as they are: the Host never touches them, so they may hold a Guest's selectors,
    // which the Host's GDT does not have.
    "    add esp, 4 + 8",
    ".irp segment, es, ds",
    "    pop eax",
    "    mov \\segment, eax",
    ".endr",
    "    popad",
    "    add esp, 8",
    "    iretd",
    ".popsection",
    STUB = const STUB,
    VECTORS = const VECTORS,
    HAS_ERROR = const HAS_ERROR,
    DS = const HOST_DS,
    HANDLE = sym handle,
);

const _: () = {
    assert!(offset_of!(TrapFrame, edi) == 4 * 4 && offset_of!(TrapFrame, vector) == 12 * 4);
    assert!(size_of::<TrapFrame>() == 17 * 4);
};

/// The address of a vector's stub, for vectors below [`VECTORS`].
pub fn stub(vector: usize) -> u32 {
    &raw const exception_stubs as u32 + (vector * STUB) as u32
}

extern "C" fn handle(frame: &TrapFrame) {
    match frame.vector {
        0..32 => end(*frame, frame as *const TrapFrame as u32 + size_of::<TrapFrame>() as u32),
        vector => {
            interrupts::dispatch(vector as u8);
        }
    }
}

/// Tells an exception of the Host and ends the machine; `esp` is what it was before.
pub fn end(frame: TrapFrame, esp: u32) -> ! {
    let image = Image::linked();
    // SAFETY: Ring 0 may read them.
    let [cr0, cr2, cr3, cr4] = unsafe { [cr0().bits(), cr2(), cr3() as usize, cr4().bits()] };
    let [cr0, cr2, cr3, cr4] = [cr0, cr2, cr3, cr4].map(|register| register as u32);
    let (stack_at, stack) = words_at(esp);
    let text = image.start..image.rodata;
    let dump = Dump { frame, esp, cr0, cr2, cr3, cr4, stack_at, stack, text };
    let verdict = if BOOT_STACK.has_overflowed_at(cr2) {
        "the Host has run out of stack"
    } else {
        "an exception in the Host itself"
    };
    emergency::end(format_args!("{dump}host: panic: {verdict}"))
}

/// The words at `esp` as far as they lie in a stack of the Host's, and where they begin: the first
/// word of the stack when `esp` has run out of it.
fn words_at(esp: u32) -> (u32, &'static [u32]) {
    let stacks = [BOOT_STACK.words_from(esp), DOUBLE_FAULT_STACK.words_from(esp)];
    let Some(words) = stacks.into_iter().flatten().next() else { return (esp, &[]) };
    let count = words.len().min(WORDS);
    // SAFETY: 1. Inside a stack, whose memory is always mapped; 2. aligned; 3. this does not
    // return, so nothing is pushed there any more.
    let stack = unsafe { core::slice::from_raw_parts((words.start * 4) as *const u32, count) };
    (words.start * 4, stack)
}
