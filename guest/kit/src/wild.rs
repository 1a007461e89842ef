//! Code that nobody wrote: run it, and come back whatever it does.
//!
//! A random Guest jumps to bytes it has made up. They may return, fault, sleep, go round for ever or
//! leave for ring 3; each of these ends at a gate of this module, which forgets the frame and the
//! stack it came on and goes on where [`run`] was called:
//!
//! ```text
//!   run -> saves ESP, turns interrupts on -> the code -> ret ---------------.
//!                                              '-> any vector -> its stub --+-> land -> run returns
//! ```
//!
//! The stubs touch no stack, for nobody knows where it is. Against code that never ends there is an
//! alarm: the timer's interrupt is a vector like any other.
//!
//! Nothing keeps such code from writing into this Guest's own variables; a Guest that runs it has given
//! up on what Rust promises, and its neighbours are the ones to watch.
//!
//! It speaks as most years do: by `int 0x1f`, first argument in EBX.
//!
//! Invariants: outside of [`run`] interrupts are off, and a trap ends the Guest (`lost`).
//!
//! Next on the tour: [`crate::bare`].

use core::arch::{global_asm, naked_asm};
use core::sync::atomic::{AtomicU32, Ordering};

use abi::hypercall::{FIRST_IRQ_VECTOR, HYPERCALL_VECTOR, IRQ_LINES, LHCALL_SET_CLOCKEVENT, SYSCALL_VECTOR};
use abi::lguest_data::IF;
use abi::{GuestLinear, Nanos};

use crate::entry::{STACK, STACK_LEN};
use crate::gate::{Gate, GateKind};
use crate::hypercall::Call;
use crate::segment_descriptor::{KERNEL_CODE, KERNEL_DATA};
use crate::traps::EXCEPTIONS;
use crate::{power, shared, time};

/// What a run ended by, if not by a vector: the code has returned.
pub const RETURNED: u32 = 256;

/// Bytes from one stub to the next.
const STUB: u32 = 16;

/// The registers code begins with: EDI, ESI, EBP, (ESP,) EBX, EDX, ECX, EAX, as `popad` takes them.
pub type Registers = [u32; 8];

/// ESP of the [`run`] that is under way, else 0.
static SAVED: AtomicU32 = AtomicU32::new(0);
/// What the last run ended by.
static LANDED: AtomicU32 = AtomicU32::new(RETURNED);

global_asm!(
    ".pushsection .text.wild_stubs, \"ax\"",
    ".balign {STUB}",
    ".globl wild_stubs",
    "wild_stubs:",
    ".set vector, 0",
    ".rept 257",
    "  .balign {STUB}",
    "  .byte 0xb8; .long vector", // mov eax, vector: the symbol would be taken for a place in memory
    "  jmp {land}",
    "  .set vector, vector + 1",
    ".endr",
    ".popsection",
    STUB = const STUB,
    land = sym land,
);

unsafe extern "C" {
    safe static wild_stubs: [u8; 0];
}

fn stub(number: u32) -> u32 {
    &raw const wild_stubs as u32 + number * STUB
}

/// The gate that `vector` should have while code runs.
pub fn gate(vector: u8) -> Gate {
    let dpl = if matches!(vector, 3 | 4 | SYSCALL_VECTOR) { 3 } else { 0 };
    Gate::new(GateKind::Interrupt, KERNEL_CODE, stub(vector.into()), dpl)
}

/// The vectors there are gates for.
pub fn vectors() -> impl Iterator<Item = u8> {
    (0..EXCEPTIONS).chain(FIRST_IRQ_VECTOR..FIRST_IRQ_VECTOR + IRQ_LINES).chain([SYSCALL_VECTOR])
}

/// Has every vector land; from now on traps go nowhere else.
pub fn install() {
    vectors().for_each(|vector| Call::load_idt_entry(vector, gate(vector)).make());
}

/// Runs the code at `at` with `registers` for about `limit` at most, and says which vector it ended by.
pub fn run(at: GuestLinear, registers: &Registers, limit: Nanos) -> u32 {
    shared::blocked_interrupts().fetch_and(!(1 << time::TIMER_LINE), Ordering::Relaxed);
    // SAFETY: `land` brings the stack back by what `go` has saved, and the registers that are the
    // compiler's with it. What else the code does is the risk this module's header speaks of.
    unsafe { go(at.0, registers, stub(RETURNED), limit.0 as u32) };
    LANDED.load(Ordering::Relaxed)
}

/// ```text
///   [esp+32] limit | back | registers | code | return address | ebp ebx esi edi [esp] = SAVED
/// ```
///
/// # Safety
/// 1. The gates are those of [`install`], or the Guest has given up on coming back; 2. no other run
///    is under way.
#[unsafe(naked)]
unsafe extern "C" fn go(code: u32, registers: *const Registers, back: u32, limit: u32) {
    naked_asm!(
        "push ebp",
        "push ebx",
        "push esi",
        "push edi",
        "mov [{SAVED}], esp",
        "mov eax, {SET_CLOCKEVENT}",
        "mov ebx, [esp + 32]",
        "xor ecx, ecx",
        "xor edx, edx",
        "xor esi, esi",
        "int {VECTOR}",
        "mov eax, [esp + 20]",
        "mov ecx, [esp + 24]",
        "push [esp + 28]", // where `ret` leads
        "push eax",
        "push [ecx + 28]", // popad's order, from the top
        "push [ecx + 24]",
        "push [ecx + 20]",
        "push [ecx + 16]",
        "push [ecx + 12]",
        "push [ecx + 8]",
        "push [ecx + 4]",
        "push [ecx]",
        "mov dword ptr [{DATA} + {IRQ_ENABLED}], {IF}",
        "popad",
        "ret",
        SAVED = sym SAVED,
        SET_CLOCKEVENT = const LHCALL_SET_CLOCKEVENT,
        VECTOR = const HYPERCALL_VECTOR,
        DATA = sym shared::DATA,
        IRQ_ENABLED = const shared::IRQ_ENABLED,
        IF = const IF,
    )
}

/// Where every stub leads, with its number in EAX: takes up where [`go`] was called.
///
/// # Safety
/// Not to be called: it is jumped to, from ring 1, with any registers, segments and stack.
#[unsafe(naked)]
unsafe extern "C" fn land() -> ! {
    naked_asm!(
        "mov ecx, {KERNEL_DATA}",
        "mov ds, ecx",
        "mov es, ecx",
        "mov ss, ecx",
        "mov esp, [{SAVED}]",
        "mov dword ptr [{DATA} + {IRQ_ENABLED}], 0",
        "mov dword ptr [{SAVED}], 0",
        "mov [{LANDED}], eax",
        "test esp, esp",
        "jz 2f",
        "xor ecx, ecx",
        "mov fs, ecx",
        "mov gs, ecx",
        "push 2", // no trap flag, no alignment checks, upwards
        "popfd",
        "pop edi",
        "pop esi",
        "pop ebx",
        "pop ebp",
        "ret",
        "2: mov esp, offset {STACK} + {STACK_LEN}",
        "push 2",
        "popfd",
        "push eax",
        "call {lost}",
        KERNEL_DATA = const KERNEL_DATA,
        SAVED = sym SAVED,
        LANDED = sym LANDED,
        DATA = sym shared::DATA,
        IRQ_ENABLED = const shared::IRQ_ENABLED,
        STACK = sym STACK,
        STACK_LEN = const STACK_LEN,
        lost = sym lost,
    )
}

/// A trap came while no code was run: something of this Guest's own has been overwritten.
extern "C" fn lost(vector: u32) -> ! {
    power::off(format_args!("it has lost its way, by vector {vector}"))
}
