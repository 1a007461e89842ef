//! Any bytes as a program of ring 1.
//!
//! They are copied to a page of their own and called. Whatever exception they run into there lands
//! behind the call, with segments, stack and flags as they were before.
//!
//! Next on the tour: `probe/modes.rs`.

use core::arch::naked_asm;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use abi::{GuestLinear, PAGE_SIZE};

use super::{Probed, outcome};
use crate::frames::Frame;
use crate::page_table::Entry;
use crate::paging::Root;
use crate::segment_descriptor::KERNEL_DATA;
use crate::traps::Exception;

/// The byte of `ret`.
const RET: u8 = 0xC3;

/// Such a program runs now.
static RUNS: AtomicBool = AtomicBool::new(false);
/// The stack to go on with.
static STACK: AtomicU32 = AtomicU32::new(0);

/// Where to go on after an exception of such a program.
pub(super) fn landing(exception: Exception) -> Option<u32> {
    // It may have jumped anywhere.
    (RUNS.load(Ordering::Relaxed) && exception.ring == 1).then_some(land as *const () as u32)
}

/// Executes `code` at `at`, a page that nobody uses, and says what EFLAGS it leaves. A `ret` is added.
///
/// # Errors
/// The exception it runs into.
///
/// # Panics
/// If it fills its page.
pub fn execute(at: GuestLinear, code: &[u8]) -> Probed<u32> {
    let frame = Frame::alloc();
    frame.fill(u32::from_le_bytes([RET; 4]));
    assert!(code.len() < PAGE_SIZE as usize, "{} bytes and a `ret`", code.len());
    frame.copy_from(code);
    Root::current().map(at, &frame, Entry::KERNEL);
    RUNS.store(true, Ordering::Relaxed);
    // SAFETY: what comes back has the registers that Rust counts on; that the code harms nobody is what
    // its author answers for, as for every Guest.
    let flags = unsafe { call(at.0) };
    RUNS.store(false, Ordering::Relaxed);
    Root::current().unmap(at);
    outcome(flags)
}

/// Calls `code` with empty registers; goes on at [`land`] whatever happens.
///
/// # Safety
/// `code` writes nothing that is Rust's.
#[unsafe(naked)]
unsafe extern "C" fn call(code: u32) -> u32 {
    naked_asm!(
        "push ebp",
        "push ebx",
        "push esi",
        "push edi",
        "mov [{STACK}], esp",
        "mov ecx, [esp + 20]",
        "lea eax, [{LAND}]",
        "push eax",
        "push ecx",
        "xor eax, eax",
        "xor ebx, ebx",
        "xor ecx, ecx",
        "xor edx, edx",
        "xor esi, esi",
        "xor edi, edi",
        "xor ebp, ebp",
        "ret",
        STACK = sym STACK, LAND = sym land,
    )
}

/// Takes up what [`call`] has left, with the flags there were for a result.
///
/// # Safety
/// Only [`call`] and its exceptions lead here.
#[unsafe(naked)]
unsafe extern "C" fn land() -> ! {
    naked_asm!(
        "mov eax, {DATA}",
        "mov ds, eax",
        "mov es, eax",
        "mov ss, eax",
        "mov esp, [{STACK}]",
        "pushfd",
        "pop eax",
        "push 2", // neither NT nor DF nor AC
        "popfd",
        "xor ecx, ecx",
        "mov fs, ecx",
        "mov gs, ecx",
        "pop edi",
        "pop esi",
        "pop ebx",
        "pop ebp",
        "ret",
        STACK = sym STACK, DATA = const KERNEL_DATA,
    )
}
