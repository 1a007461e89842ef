//! The first instructions, and the macro that makes a crate a Guest.
//!
//! The Host jumps here at a *physical* address, at ring 1, with no stack, no
//! page tables and no gates. All names the linker knows are high addresses, so
//! until the jump each is brought down by `PAGE_OFFSET`.
//!
//! ```text
//!   clear .bss -> before_init? -> INIT(lguest_data) -> tables -> NEW_PGTABLE
//!                                                                    |
//!   guest_main <- user, traps, paging, segments <- start <- stack <- jump high
//! ```
//!
//! Invariants:
//! - No stack is touched before there is one; no name is used as it stands
//!   before the jump (a mistake in either ends the Guest at once: every test Guest
//!   would notice).
//! - The initial table maps 4 MiB; the image and the first page tables fit in it.
//!
//! Source: lguest ABI, "Initial registers" and "Address translation at start".
//!
//! Next on the tour: [`crate::shared`].

use core::arch::global_asm;
use core::cell::UnsafeCell;

use abi::GuestPhys;
use abi::hypercall::{HYPERCALL_VECTOR, LHCALL_LGUEST_INIT, LHCALL_NEW_PGTABLE};

use crate::page_table::{DIRECTORY_SPAN, Entry};
use crate::{PAGE_OFFSET, boot_params, frames, interrupts, paging, power, segments, shared, traps, user};

/// Bytes of the kernel's stack; generous, for unoptimised builds.
pub(crate) const STACK_LEN: usize = 0x1_0000;

#[repr(C, align(4096))]
pub(crate) struct Stack(UnsafeCell<[u8; STACK_LEN]>);

// SAFETY: Rust reaches it only as what it is, the stack.
unsafe impl Sync for Stack {}

pub(crate) static STACK: Stack = Stack(UnsafeCell::new([0; STACK_LEN]));

/// Clears .bss, without a stack: ESI, EDI, EBP and ESP end up as they were.
macro_rules! clear_bss {
    () => {
        "cld
         mov edx, edi
         mov edi, offset bss_start
         mov ecx, offset bss_end
         sub ecx, edi
         sub edi, {PAGE_OFFSET}
         shr ecx, 2
         xor eax, eax
         rep stosd
         mov edi, edx"
    };
}

/// Maps the first 4 MiB at 0 and at PAGE_OFFSET; leaves the directory's physical address in EBX.
macro_rules! build_tables {
    () => {
        "mov edi, offset {TABLE} - {PAGE_OFFSET}
         mov eax, {KERNEL}
         mov ecx, 1024
     2:  stosd
         add eax, 4096
         loop 2b
         mov ebx, offset {DIRECTORY} - {PAGE_OFFSET}
         mov eax, offset {TABLE} - {PAGE_OFFSET} + {KERNEL}
         mov [ebx], eax
         mov [ebx + {HIGH_HALF}], eax"
    };
}
pub(crate) use {build_tables, clear_bss};

/// Byte offset of the directory entry for PAGE_OFFSET.
pub(crate) const HIGH_HALF: u32 = PAGE_OFFSET / DIRECTORY_SPAN * 4;

global_asm!(
    ".pushsection .text.entry, \"ax\"",
    ".globl entry_physical",
    ".set entry_physical, entry - {PAGE_OFFSET}",
    "entry:",
    clear_bss!(),
    "mov eax, offset before_init", // 0 unless a test has something to say first
    "test eax, eax",
    "jz 2f",
    "sub eax, {PAGE_OFFSET}",
    "lea ebp, [2f]",
    "sub ebp, {PAGE_OFFSET}",
    "jmp eax",
    "2:",
    "mov ebx, offset {DATA} - {PAGE_OFFSET}",
    "mov dword ptr [ebx + {NOIRQ_START}], offset noirq_start",
    "mov dword ptr [ebx + {NOIRQ_END}], offset noirq_end",
    "mov eax, {INIT}",
    "int {VECTOR}",
    build_tables!(),
    "mov eax, {NEW_PGTABLE}",
    "int {VECTOR}",
    "mov esp, offset {STACK} + {STACK_LEN}",
    "xor ebp, ebp",
    "mov eax, offset {start}",
    "jmp eax",
    ".popsection",
    PAGE_OFFSET = const PAGE_OFFSET,
    DATA = sym shared::DATA,
    NOIRQ_START = const shared::NOIRQ_START,
    NOIRQ_END = const shared::NOIRQ_END,
    INIT = const LHCALL_LGUEST_INIT,
    NEW_PGTABLE = const LHCALL_NEW_PGTABLE,
    VECTOR = const HYPERCALL_VECTOR,
    TABLE = sym paging::INITIAL_TABLE,
    DIRECTORY = sym paging::INITIAL_DIRECTORY,
    HIGH_HALF = const HIGH_HALF,
    KERNEL = const Entry::KERNEL,
    STACK = sym STACK,
    STACK_LEN = const STACK_LEN,
    start = sym start,
);

unsafe extern "Rust" {
    /// The Guest's own `main`, which [`guest!`](crate::guest) names.
    pub(crate) safe fn guest_main();
}

/// Runs high, with a stack: sets up what every Guest has, and calls its `main`.
extern "C" fn start() -> ! {
    set_up();
    guest_main();
    power::off(format_args!("main has returned"))
}

/// The order matters: gates first, so that a mistake in the rest can be told.
pub(crate) fn set_up() {
    traps::init();
    interrupts::init();
    let memory_size = boot_params::memory_size();
    frames::init(GuestPhys(memory_size.min(paging::DIRECT_MAX)));
    paging::init(memory_size);
    segments::init();
    user::init();
}

/// Makes a crate a Guest whose `main` is the function named.
///
/// The one line of `unsafe` in a Guest is here: giving a symbol a name, which must be unique.
#[macro_export]
macro_rules! guest {
    ($main:path) => {
        #[panic_handler]
        fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
            $crate::last_words::panic(info)
        }

        #[allow(unsafe_code)]
        #[unsafe(no_mangle)]
        extern "Rust" fn guest_main() {
            $main()
        }
    };
}

/// Makes a crate a test Guest: runs the function named and reports under the crate's own name.
#[macro_export]
macro_rules! guest_test {
    ($body:path) => {
        $crate::guest!(test_main);

        fn test_main() {
            $crate::report::run(env!("CARGO_BIN_NAME"), $body)
        }
    };
}

/// Has a test Guest run instructions of its own before the first hypercall.
///
/// They run at a physical address, without a stack or page tables; EBP is where to jump to go on
/// as if nothing had been.
#[macro_export]
macro_rules! before_init {
    ($($assembly:tt)*) => {
        #[allow(unsafe_code)]
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        extern "C" fn before_init() -> ! {
            core::arch::naked_asm!($($assembly)*)
        }
    };
}

/// Has a test Guest make INIT, announce `$sentence` as its end, and then run instructions of its
/// own in linear mode: without page tables, and with nothing to come back to.
#[macro_export]
macro_rules! in_linear_mode {
    ($sentence:literal, $($line:literal),* $(,)?) => {
        $crate::before_init!(
            "mov ebx, offset {DATA} - {PAGE_OFFSET}",
            "mov eax, {INIT}",
            "int {VECTOR}",
            "lea ebx, [9f]",
            "sub ebx, {PAGE_OFFSET}",
            "mov eax, {NOTIFY}",
            "int {VECTOR}",
            $($line,)*
            "ud2",
            concat!("9: .asciz \"test: expect-kill ", $sentence, "\\r\\n\""),
            DATA = sym $crate::shared::DATA,
            PAGE_OFFSET = const $crate::PAGE_OFFSET,
            INIT = const abi::hypercall::LHCALL_LGUEST_INIT,
            NOTIFY = const abi::hypercall::LHCALL_NOTIFY,
            VECTOR = const abi::hypercall::HYPERCALL_VECTOR,
        );
    };
}
