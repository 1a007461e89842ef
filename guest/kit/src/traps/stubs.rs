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
    ".pushsection .text.trap_stubs, \"ax\"",
    ".globl trap_stubs, iret_stub, noirq_start, noirq_iret, noirq_end",
    ".balign {STUB}",
    "trap_stubs:",
    ".set vector, 0",
    ".rept 256",
    "  .balign {STUB}",
    "  .if vector > 31 || !(({HAS_ERROR} >> vector) & 1)",
    "    push 0",
    "  .endif",
    "  .byte 0x6a, vector",
    "  jmp trap_common",
    "  .set vector, vector + 1",
    ".endr",
    "trap_common:",
    "  pushad",
    "  .att_syntax", // in Intel syntax LLVM pushes and pops segment registers as words
    "  pushl %ds",
    "  pushl %es",
    "  pushl %fs",
    "  pushl %gs",
    "  .intel_syntax noprefix",
    "  mov eax, {KERNEL_DATA}",
    "  mov ds, eax",
    "  mov es, eax",
    "  cld",
    "  push esp",
    "  call {dispatch}",
    "  add esp, 4",
    "  .att_syntax",
    "  popl %gs",
    "  popl %fs",
    "  popl %es",
    "  popl %ds",
    "  .intel_syntax noprefix",
    "  popad",
    "  add esp, 8", // vector and code
    "iret_stub:",
    "  push dword ptr [esp + 8]",
    "noirq_start:",
    "  pop dword ptr ss:[{DATA} + {IRQ_ENABLED}]", // DS is the interrupted program's by now
    "noirq_iret:",
    "  iretd",
    "noirq_end:",
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
