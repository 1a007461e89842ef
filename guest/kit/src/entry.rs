//! The first instructions, and the macro that makes a crate a Guest.
//!
//! The Host jumps here at a *physical* address, at ring 1, with no stack, no
//! page tables and no gates. All names the linker knows are high addresses, so
//! until the jump each is brought down by `PAGE_OFFSET`.
//!
//! ```text
//!   clear .bss -> which dialect? -> lguest_data -> before_init? -> INIT
//!                                                                   |
//!                        jump high <- stack <- NEW_PGTABLE <- tables
//!                            |
//!                          start -> traps, paging, segments, user -> guest_main
//! ```
//!
//! Guests up to 3.0 find page tables of the Host's when INIT returns. They jump
//! high on those and leave NEW_PGTABLE to [`paging`].
//!
//! Invariants:
//! - No stack is touched before there is one; no name is used as it stands
//!   before the jump (a mistake in either ends the Guest at once: every test Guest
//!   would notice).
//! - The initial table maps 4 MiB; the image and the first page tables fit in it.
//!
//! Source: lguest ABI, "Initial registers" and "Address translation at start".
//!
//! Next on the tour: [`crate::dialect`].

use core::arch::global_asm;
use core::cell::UnsafeCell;

use core::mem::{offset_of, size_of, size_of_val};

use abi::boot_params::CMD_LINE_PTR;
use abi::hypercall::{HYPERCALL_VECTOR, LHCALL_LGUEST_INIT, LHCALL_NEW_PGTABLE, SYSCALL_VECTOR};
use abi::lguest_data::{BLOCKED_INTERRUPTS, RING_ENTRIES};
use abi::{PAGE_SIZE, Variant};

use crate::dialect::{self, Dialect, Word, read_dialect};
use crate::page_table::Entry;
use crate::paging::first::{HIGH_HALF, HIGH_POINTER, build_pae_tables, build_tables, copy_boot_directory};
use crate::shared::{self, Places, fill_in_shared};
use crate::{PAGE_OFFSET, boot_params, frames, interrupts, paging, power, segments, traps, user};

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

/// Makes INIT with the area in EBX, as the dialect does: `vmcall`, or `int` with EDX or EBX.
macro_rules! make_init {
    () => {
        "mov eax, {INIT}
         mov ecx, [{DIALECT} - {PAGE_OFFSET}]
         test ecx, {VMCALL}
         jnz 3f
         test ecx, {EDX_FIRST}
         jz 2f
         mov edx, ebx
         xor ebx, ebx // or the Host would try it first
     2:  int {VECTOR}
         jmp 4f
     3:  .byte 0x0f, 0x01, 0xc1 // vmcall
     4:"
    };
}

pub(crate) use clear_bss;

global_asm!(
    ".pushsection .text.entry, \"ax\"",
    ".globl entry_physical",
    ".set entry_physical, entry - {PAGE_OFFSET}",
    "entry:",
    ".cfi_startproc simple",
    ".cfi_undefined 8", // EIP of a caller: there is none
    clear_bss!(),
    read_dialect!(),
    "mov edx, ebx",
    "and edx, {VARIANT}",
    fill_in_shared!(),
    "mov eax, offset before_init", // 0 unless a test has something to say first
    "test eax, eax",
    "jz 2f",
    "sub eax, {PAGE_OFFSET}",
    "lea ebp, [2f]",
    "sub ebp, {PAGE_OFFSET}",
    "jmp eax",
    "2:",
    "mov ebx, offset {DATA} - {PAGE_OFFSET}",
    make_init!(),
    copy_boot_directory!(),
    "test dword ptr [{DIALECT} - {PAGE_OFFSET}], {PAE}",
    "jnz 5f",
    build_tables!(),
    "jmp 6f",
    "5:",
    build_pae_tables!(),
    "6:",
    "test dword ptr [{DIALECT} - {PAGE_OFFSET}], {BOOT_TABLES}",
    "jnz 7f",
    "mov eax, {NEW_PGTABLE}",
    "int {VECTOR}",
    "7:",
    "mov esp, offset {STACK} + {STACK_LEN}",
    "xor ebp, ebp",
    "mov eax, offset {start}",
    "mov ecx, offset start_called",
    "push ecx", // it never returns, but a debugger sees where it was called
    "jmp eax",
    "start_called: ud2",
    ".cfi_endproc",
    ".popsection",
    PAGE_OFFSET = const PAGE_OFFSET,
    DATA = sym shared::DATA,
    DIALECT = sym dialect::DIALECT,
    DEFAULT = const Dialect::DEFAULT.0,
    VARIANT = const Dialect::VARIANT,
    EDX_FIRST = const Dialect::EDX_FIRST,
    BOOT_TABLES = const Dialect::BOOT_TABLES,
    VMCALL = const Dialect::VMCALL,
    PAE = const Dialect::PAE,
    WORDS = sym dialect::WORDS,
    WORDS_LEN = const size_of_val(&dialect::WORDS),
    WORD = const size_of::<Word>(),
    LEN = const offset_of!(Word, len),
    TEXT = const offset_of!(Word, text),
    KEEP = const offset_of!(Word, keep),
    SET = const offset_of!(Word, set),
    CMD_LINE_PTR = const CMD_LINE_PTR,
    ONE_IRET = const Variant::D as u32,
    PLACES = sym shared::PLACES,
    PLACES_LEN = const size_of::<Places>(),
    NOIRQ = const offset_of!(Places, noirq),
    KERNEL_ADDRESS = const offset_of!(Places, kernel_address),
    HCALL_STATUS = const offset_of!(Places, hcall_status),
    BLOCKED = const BLOCKED_INTERRUPTS,
    RING_ENTRIES = const RING_ENTRIES,
    SYSCALL_VECTOR = const SYSCALL_VECTOR,
    PGDIR = const shared::PGDIR_A,
    INIT = const LHCALL_LGUEST_INIT,
    NEW_PGTABLE = const LHCALL_NEW_PGTABLE,
    VECTOR = const HYPERCALL_VECTOR,
    TABLE = sym paging::INITIAL_TABLES,
    MIDDLE = sym paging::INITIAL_MIDDLE,
    DIRECTORY = sym paging::INITIAL_DIRECTORY,
    HIGH_HALF = const HIGH_HALF,
    HIGH_POINTER = const HIGH_POINTER,
    POINTER = const Entry::P,
    KERNEL = const Entry::KERNEL,
    PAGE_SIZE = const PAGE_SIZE,
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
    frames::init(paging::first_not_free(memory_size));
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
