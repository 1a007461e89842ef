//! Handlers with next to nothing in them, to measure what it costs to get there and back.
//!
//! The kit's own trap path saves every register and asks three tables; a
//! measurement of the *mechanism* would drown in that. These two leave by the
//! same `iret` stub as all others.
//!
//! Invariants: the probe that goes with `skip` is two bytes long
//! ([`touch`], asserted by the assembler).
//!
//! Next on the tour: [`crate::native`].

use core::arch::{asm, naked_asm};

use abi::GuestLinear;
use abi::hypercall::SYSCALL_VECTOR;

use crate::gate::{Gate, GateKind};
use crate::hypercall::Call;
use crate::segment_descriptor::KERNEL_CODE;
use crate::user::NOTHING;

/// Vector of the page fault.
const PAGE_FAULT: u8 = 14;

/// Has page faults skip the instruction of [`touch`], and nothing else.
pub fn handle_page_faults() {
    load(PAGE_FAULT, GateKind::Interrupt, skip, 0);
}

/// Has system call [`NOTHING`] return at once; all others go the usual way.
pub fn handle_system_calls() {
    load(SYSCALL_VECTOR, GateKind::Trap, return_at_once, 3);
}

fn load(vector: u8, kind: GateKind, handler: extern "C" fn() -> !, dpl: u8) {
    Call::load_idt_entry(vector, Gate::new(kind, KERNEL_CODE, handler as usize as u32, dpl)).make();
}

/// Reads a byte at `at`, and does not care what.
#[inline(always)]
pub fn touch(at: GuestLinear) {
    // SAFETY: a load changes nothing but the register it is told to; should it fault, either `skip`
    // steps over it or the kit's own handler says so.
    unsafe {
        asm!("2: mov al, [ecx]", ".if . - 2b != {LEN}", ".error \"skip() counts on {LEN} bytes\"", ".endif",
            LEN = const TOUCH_LEN, in("ecx") at.0, out("eax") _);
    }
}

/// Executes `thousands` thousand instructions, and a handful more.
pub fn work(thousands: u32) {
    // SAFETY: they count.
    unsafe {
        asm!("2:", ".rept 998", "inc eax", ".endr", "dec ecx", "jnz 2b",
            inout("ecx") thousands.max(1) => _, inout("eax") 0 => _, options(nomem, nostack));
    }
}

/// Has `value` in a register, as an operation would, and executes nothing.
#[inline(always)]
pub fn hold(value: u32) {
    // SAFETY: no instruction at all.
    unsafe { asm!("/* {} */", in(reg) value, options(nostack, preserves_flags)) };
}

/// Bytes of the instruction in [`touch`].
const TOUCH_LEN: u32 = 2;

/// `[esp] = code, eip, cs, eflags`: steps over the instruction.
#[unsafe(naked)]
extern "C" fn skip() -> ! {
    naked_asm!("add esp, 4", "add dword ptr [esp], {LEN}", "jmp iret_stub", LEN = const TOUCH_LEN)
}

/// `[esp] = eip, cs, eflags, esp, ss`: goes straight back.
#[unsafe(naked)]
extern "C" fn return_at_once() -> ! {
    naked_asm!(
        "cmp eax, {NOTHING}",
        "je iret_stub",
        "jmp trap_stubs + {SYSCALL} * 16",
        NOTHING = const NOTHING,
        SYSCALL = const SYSCALL_VECTOR,
    )
}
