//! What a Guest must not do, for Guests whose task is to try.
//!
//! The functions are safe to call for the reason they exist: a Host that keeps
//! the treaty ends the Guest, or shrugs. If one returns where it should not
//! have, the test that called it reports just that and powers off.
//!
//! Source: lguest ABI, "Security weaknesses found".
//!
//! Next on the tour: [`crate::bare`].

use core::arch::asm;
use core::sync::atomic::AtomicU32;

use abi::GuestLinear;
use abi::hypercall::LHCALL_SET_PTE;
use abi::lguest_data::SWITCHER_BASE;

use crate::hypercall::Call;
use crate::lazy;
use crate::paging::Root;

/// Makes hypercall `number` with whatever arguments.
pub fn hypercall(number: u32, arguments: [u32; 3]) {
    Call::raw(number, arguments).make();
}

/// Queues hypercall `number` with whatever arguments.
pub fn queue(number: u32, arguments: [u32; 3]) {
    lazy::queue(Call::raw(number, arguments));
}

/// EFLAGS bit: single step.
pub const TF: u32 = 1 << 8;
/// EFLAGS bits: the I/O privilege level.
pub const IOPL: u32 = 3 << 12;
/// EFLAGS bit: nested task.
pub const NT: u32 = 1 << 14;
/// EFLAGS bit: alignment checks.
pub const AC: u32 = 1 << 18;

/// Sets `flags`, makes a FLUSH_ASYNC call with them, and says which flags came back. TF is not for
/// this function: [`single_step_a_call`].
pub fn flags_across_a_call(flags: u32) -> u32 {
    let seen: u32;
    // SAFETY: the flags are put back; the Host changes no register.
    unsafe {
        asm!(
            "pushfd",
            "pushfd",
            "or dword ptr [esp], {flags}",
            "popfd",
            "int 0x1f",
            "pushfd",
            "pop {seen}",
            "popfd",
            flags = in(reg) flags, seen = lateout(reg) seen, in("eax") 0,
        );
    }
    seen
}

/// Makes a FLUSH_ASYNC call with the trap flag set; somebody must handle vector 1.
pub fn single_step_a_call() {
    // SAFETY: the flags are put back; the handler of vector 1 may change nothing but the trap flag.
    unsafe {
        asm!(
            "pushfd",
            "pushfd",
            "or dword ptr [esp], {TF}",
            "popfd",
            "int 0x1f",
            "nop",
            "popfd",
            TF = const TF, in("eax") 0,
        );
    }
}

/// Executes `int3`; somebody must handle vector 3.
pub fn breakpoint() {
    // SAFETY: the handler of vector 3 goes on behind it and changes nothing.
    unsafe { asm!("int3") };
}

/// Pushes the flags with the trap flag set and says what was pushed; somebody must handle vector 1.
pub fn flags_in_a_step() -> u32 {
    let seen: u32;
    // SAFETY: the flags are put back; the handler of vector 1 may change nothing but the trap flag.
    unsafe {
        asm!(
            "pushfd",
            "pushfd",
            "or dword ptr [esp], {TF}",
            "popfd",
            "pushfd",
            "pop {seen}",
            "popfd",
            TF = const TF, seen = out(reg) seen,
        );
    }
    seen
}

/// Loads SS from where a breakpoint may be, which is held off for one instruction, and that is a
/// FLUSH_ASYNC call.
pub fn call_behind_watched_mov_ss(place: &AtomicU32) {
    // SAFETY: SS gets back what it holds.
    unsafe {
        asm!(
            "mov [{place}], ss",
            "mov ss, [{place}]",
            "int 0x1f",
            place = in(reg) place.as_ptr(), in("eax") 0,
        );
    }
}

/// Loads SS, which holds everything off for one instruction, and that instruction is a FLUSH_ASYNC
/// call: with the trap flag set on the way in. Somebody must handle vector 1.
pub fn call_behind_mov_ss() {
    // SAFETY: SS gets back what it holds and the flags are put back; the handler of vector 1 may
    // change nothing but the trap flag.
    unsafe {
        asm!(
            "mov ecx, ss",
            "pushfd",
            "pushfd",
            "or dword ptr [esp], {TF}",
            "popfd",
            "mov ss, ecx",
            "int 0x1f",
            "nop",
            "popfd",
            TF = const TF, in("eax") 0, out("ecx") _,
        );
    }
}

/// Runs `body` with `flags` set; TF is not for this function either.
pub fn with_flags<R>(flags: u32, body: impl FnOnce() -> R) -> R {
    // SAFETY: flags that carry no meaning for compiled code; the stack is as before.
    unsafe { asm!("pushfd", "or dword ptr [esp], {flags}", "popfd", flags = in(reg) flags) };
    let result = body();
    // SAFETY: as before.
    unsafe { asm!("pushfd", "and dword ptr [esp], {flags}", "popfd", flags = in(reg) !flags) };
    result
}

/// Makes a FLUSH_ASYNC call with `selector` in DS, ES, FS and GS, and says what they hold then.
pub fn call_with_segments(selector: u16) -> [u16; 4] {
    let (packed_low, packed_high): (u32, u32);
    // SAFETY: nothing between the loads and the restoring of DS and ES touches memory by them; no
    // code of this Guest uses FS and GS. EBX is saved by hand, for it may be the compiler's.
    unsafe {
        asm!(
            "mov {kernel:e}, ds",
            "mov ds, {selector:e}",
            "mov es, {selector:e}",
            "mov fs, {selector:e}",
            "mov gs, {selector:e}",
            "int 0x1f",
            "mov {selector:e}, es",
            "shl {selector:e}, 16",
            "mov ecx, ds",
            "or {selector:e}, ecx",
            "mov ds, {kernel:e}",
            "mov es, {kernel:e}",
            "mov ecx, gs",
            "shl ecx, 16",
            "mov edx, fs",
            "or ecx, edx",
            "xor edx, edx",
            "mov fs, edx",
            "mov gs, edx",
            kernel = out(reg) _, selector = inout(reg) u32::from(selector) => packed_low,
            in("eax") 0, out("ecx") packed_high, out("edx") _,
        );
    }
    [packed_low as u16, (packed_low >> 16) as u16, packed_high as u16, (packed_high >> 16) as u16]
}

/// Where the real GDT is: an instruction nobody can refuse.
pub fn gdt_address() -> GuestLinear {
    let mut register = [0u16; 3];
    // SAFETY: stores six bytes, for which there is room.
    unsafe { asm!("sgdt [{}]", in(reg) &raw mut register) };
    GuestLinear(u32::from(register[1]) | u32::from(register[2]) << 16)
}

/// Every page of the area that belongs to the Switcher.
pub fn switcher_pages() -> impl Iterator<Item = GuestLinear> {
    (0..1024u32).map(|page| GuestLinear(SWITCHER_BASE + page * 4096))
}

/// Moves the stack pointer to `at` and then divides by zero, so that a frame must be pushed there.
pub fn fault_with_stack_at(at: GuestLinear) -> ! {
    // SAFETY: nothing is read from that stack, and control does not come back.
    unsafe {
        asm!("mov esp, {}", "div {zero}", "2: jmp 2b", in(reg) at.0, zero = in(reg) 0, options(noreturn))
    }
}

/// Loads GS with `selector`, has `change` pull the rug, and makes one more call.
pub fn call_with_stale_segment(selector: u16, change: impl FnOnce()) {
    // SAFETY: no code of this Guest uses GS.
    unsafe { asm!("mov gs, {:e}", in(reg) u32::from(selector)) };
    change();
    Call::FLUSH_ASYNC.make();
    // SAFETY: the null selector may always be loaded.
    unsafe { asm!("mov gs, {:e}", in(reg) 0u32) };
}

/// Announces a PAE entry with a high dword, which [`Call::make`] never does.
pub fn announce_high(root: Root, at: GuestLinear, low: u32, high: u32) {
    // SAFETY: the Host changes no register, and ESI, which is not ours to name, holds again what it
    // held; what became of the tables shows at the next access.
    unsafe {
        asm!("xchg esi, edi", "int 0x1f", "xchg esi, edi",
            in("eax") LHCALL_SET_PTE, in("ebx") root.phys().0, in("ecx") at.0, in("edx") low, in("edi") high);
    }
}
