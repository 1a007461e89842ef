//! The assembly of traps: 256 stubs, one common path, one way out.
//!
//! The way out ends in the `iret` stub. A plain `iret` at ring 1 leaves the
//! real interrupt flag alone and knows nothing of the virtual one, so the stub
//! first stores the flags it is about to load where the Host looks. Between
//! that store and the `iret` no frame may be pushed, or frames would pile up on
//! a stack that is about to be left. So the Host is told the range; or, since
//! 4.0, the `iret` alone, whose frame then serves an interrupt as its own. That
//! is right only if nothing lies above that frame when the flag is on, which is
//! why the store is a `pop`.
//!
//! ```text
//!   [esp]         eip | cs | eflags | (esp | ss)
//!                 push eflags
//!   noirq_start:  pop irq_enabled
//!   noirq_iret:   iret
//!   noirq_end:
//! ```
//!
//! A debugger finds its way from a handler back to what was interrupted by the
//! `.cfi` lines, which say at each instruction where the interrupted program's
//! registers are. Its ESP is on the stack only if that program is in ring 3.
//!
//! ```text
//!   esp of the interrupted program in ring 1 = CFA
//!   CFA - 4 eflags | - 8 cs | - 12 eip | - 16 code | - 20 vector | - 24 ... - 52 pushad
//! ```
//!
//! Invariants: stubs are 16 bytes apart, so the address of one is arithmetic
//! (the assembler's `.balign`, and `stub`).
//!
//! Source: lguest ABI, "Semantics" of `lguest_data`, on `irq_enabled`.
//!
//! Next on the tour: [`crate::probe`].
#![expect(bad_asm_style, reason = "half a dozen lines are AT&T syntax, for lack of another way")]

use core::arch::global_asm;

use crate::segment_descriptor::KERNEL_DATA;
use crate::shared;

/// Bytes from one stub to the next.
const STUB: u32 = 16;

/// Vectors for which the CPU pushes an error code: 8, 10 to 14, 17.
const HAS_ERROR: u32 = 0x0002_7D00;

// `.byte 0x6a` is `push imm8`; spelled out because the assembler would take the symbol `vector` for
// a place in memory. It is sign-extended, so only the low byte of what it pushes counts.
global_asm!(
    // For debuggers alone, and so in a section that is not loaded. This is about everything that is
    // compiled together with these lines: in a release build, the whole program.
    ".cfi_sections .debug_frame",
    ".pushsection .text.trap_stubs, \"ax\"",
    ".globl trap_stubs, iret_stub, noirq_start, noirq_iret, noirq_end",
    ".balign {STUB}",
    "trap_stubs:",
    ".cfi_startproc simple",
    ".cfi_signal_frame",
    ".cfi_def_cfa 4, 12",  // by the debuggers' numbers: 4 is ESP,
    ".cfi_offset 8, -12",  // 8 EIP,
    ".cfi_offset 9, -4",   // 9 EFLAGS
    // ESP is CFA, or what lies there if CS - 8 bytes below it - is of ring 3:
    // dup, const 8, minus, deref, 3, and, 3, eq, bra to deref, skip over it, deref.
    ".cfi_escape 0x16, 4, 16, 0x12, 0x08, 8, 0x1c, 0x06, 0x33, 0x1a, 0x33, 0x29",
    ".cfi_escape 0x28, 3, 0, 0x2f, 1, 0, 0x06",
    ".set vector, 0",
    ".rept 256",
    "  .balign {STUB}",
    "  .if vector > 31 || !(({HAS_ERROR} >> vector) & 1)",
    "    .cfi_def_cfa_offset 12",
    "    push 0",
    "  .endif",
    "  .cfi_def_cfa_offset 16",
    "  .byte 0x6a, vector",
    "  .cfi_def_cfa_offset 20",
    "  jmp trap_common",
    "  .set vector, vector + 1",
    ".endr",
    "trap_common:",
    "  pushad",
    "  .cfi_def_cfa_offset 52",
    "  .cfi_offset 0, -24", // EAX, ECX, EDX, EBX
    "  .cfi_offset 1, -28",
    "  .cfi_offset 2, -32",
    "  .cfi_offset 3, -36",
    "  .cfi_offset 5, -44", // EBP, ESI, EDI
    "  .cfi_offset 6, -48",
    "  .cfi_offset 7, -52",
    "  .att_syntax", // in Intel syntax LLVM pushes and pops segment registers as words
    "  .irp segment, ds, es, fs, gs",
    "    pushl %\\segment",
    "    .cfi_adjust_cfa_offset 4",
    "  .endr",
    "  .intel_syntax noprefix",
    "  mov eax, {KERNEL_DATA}",
    "  mov ds, eax",
    "  mov es, eax",
    "  cld",
    "  push esp",
    "  .cfi_adjust_cfa_offset 4",
    "  call {dispatch}",
    "  add esp, 4",
    "  .cfi_adjust_cfa_offset -4",
    "  .att_syntax",
    "  .irp segment, gs, fs, es, ds",
    "    popl %\\segment",
    "    .cfi_adjust_cfa_offset -4",
    "  .endr",
    "  .intel_syntax noprefix",
    "  popad",
    "  .cfi_def_cfa_offset 20",
    "  .cfi_same_value 0",
    "  .cfi_same_value 1",
    "  .cfi_same_value 2",
    "  .cfi_same_value 3",
    "  .cfi_same_value 5",
    "  .cfi_same_value 6",
    "  .cfi_same_value 7",
    "  add esp, 8", // vector and code
    "  .cfi_def_cfa_offset 12",
    "iret_stub:",
    "  push dword ptr [esp + 8]",
    "  .cfi_def_cfa_offset 16",
    "noirq_start:",
    "  pop dword ptr ss:[{DATA} + {IRQ_ENABLED}]", // DS is the interrupted program's by now
    "  .cfi_def_cfa_offset 12",
    "noirq_iret:",
    "  iretd",
    "noirq_end:",
    ".cfi_endproc",
    ".popsection",
    STUB = const STUB,
    HAS_ERROR = const HAS_ERROR,
    KERNEL_DATA = const KERNEL_DATA,
    IRQ_ENABLED = const shared::IRQ_ENABLED,
    DATA = sym shared::DATA,
    dispatch = sym super::dispatch,
);

unsafe extern "C" {
    safe static trap_stubs: [u8; STUB as usize * 256];
}

/// Where the gate of `vector` should lead.
pub(crate) fn stub(vector: u8) -> u32 {
    &raw const trap_stubs as u32 + u32::from(vector) * STUB
}
