//! Ring 3 and back.
//!
//! [`run`] maps a program and a stack, drops to ring 3 and returns when the
//! program exits or faults, as a function returns: the kernel's stack is
//! remembered on the way in, and taken up again on the way out.
//!
//! ```text
//!   run -> enter_user -> iret -> program -> int 0x80 -> system_call --.
//!    ^                              ^                                 |
//!    |                              '-- iret <-- any number but EXIT -|
//!    '------------- leave <------------------------ EXIT, or a fault -'
//! ```
//!
//! Traps from ring 3 arrive on a stack of their own, named to the Host by
//! SET_STACK, so the kernel's own waits untouched.
//!
//! Invariants: one program at a time ([`run`] asserts it).
//!
//! Source: lguest ABI, "Pinned pages" and "IDT gates".
//!
//! Next on the tour: [`programs`].

pub mod programs;

use core::arch::naked_asm;
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU32, Ordering};

use abi::lguest_data::IF;
use abi::{GuestLinear, PAGE_SIZE};

use crate::frames::{Frame, is_in_image};
use crate::hypercall::Call;
use crate::local::Local;
use crate::page_table::Entry;
use crate::paging::Root;
use crate::segment_descriptor::{KERNEL_DATA, USER_CODE, USER_DATA};
use crate::traps::{Exception, TrapFrame};
use crate::{interrupts, lazy};

/// System call: ends the program; EBX is the outcome.
pub const EXIT: u32 = 0;
/// System call: does nothing.
pub const NOTHING: u32 = 1;

/// Where a program is mapped.
pub const CODE_AT: GuestLinear = GuestLinear(0x0804_8000);
/// The page of its stack.
pub const STACK_AT: GuestLinear = GuestLinear(0x0804_A000);

/// Pages of the stack for traps from ring 3; the most the Host takes.
const TRAP_STACK_PAGES: u32 = 2;

/// EFLAGS of a program: interrupts on, and the bit that is always set.
const USER_EFLAGS: u32 = IF | 2;

/// How a program ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It made the EXIT call with this in EBX.
    Exited(u32),
    /// It ran into an exception.
    Trapped(Exception),
}

/// What answers the system calls the kit does not know.
pub type SystemCall = fn(&mut TrapFrame);

#[repr(C, align(4096))]
struct TrapStack(UnsafeCell<[u8; (TRAP_STACK_PAGES * PAGE_SIZE) as usize]>);

// SAFETY: Rust never touches it; the CPU, and the Host, push trap frames there.
unsafe impl Sync for TrapStack {}

static TRAP_STACK: TrapStack = TrapStack(UnsafeCell::new([0; (TRAP_STACK_PAGES * PAGE_SIZE) as usize]));
/// The kernel's ESP while ring 3 runs, else 0.
static RESUME: AtomicU32 = AtomicU32::new(0);
static OUTCOME: Local<Option<Outcome>> = Local::new(None);
static SYSTEM_CALL: Local<Option<SystemCall>> = Local::new(None);

/// Tells the Host which stack traps from ring 3 arrive on.
pub(crate) fn init() {
    let top = GuestLinear(trap_stack_top());
    Call::set_stack(KERNEL_DATA, top, TRAP_STACK_PAGES).make();
}

/// Where the stack for traps from ring 3 begins, growing down.
pub fn trap_stack_top() -> u32 {
    (&raw const TRAP_STACK).wrapping_add(1) as u32
}

/// Has `answer` called for system calls other than [`EXIT`] and [`NOTHING`].
pub fn on_system_call(answer: SystemCall) {
    SYSTEM_CALL.set(Some(answer));
}

/// Runs `program` at ring 3 with `arguments` in EBX, ECX and EDX.
///
/// # Panics
/// If a program runs already.
pub fn run(program: &[u8], arguments: [u32; 3]) -> Outcome {
    mapped(program, || {
        // SAFETY: code and stack are mapped for ring 3; `leave` brings the kernel's stack back.
        enter(|| unsafe { enter_user(CODE_AT.0, STACK_AT.0 + PAGE_SIZE, &raw const arguments) })
    })
}

/// What the `iret` of [`run`] takes: EIP, CS, EFLAGS, ESP, SS.
pub const FRAME: [u32; 5] =
    [CODE_AT.0, USER_CODE as u32, USER_EFLAGS, STACK_AT.0 + PAGE_SIZE, USER_DATA as u32];

/// As [`run`], by the `iret` frame that lies at `frame`, with the kernel's stack below it.
///
/// # Panics
/// If a program runs already, or Rust's own variables live there.
pub fn run_by_frame(program: &[u8], arguments: [u32; 3], frame: GuestLinear) -> Outcome {
    assert!(!is_in_image(frame), "a frame must not lie in the image");
    mapped(program, || {
        // SAFETY: code and stack are mapped for ring 3, and `iret` checks the frame; `leave` brings
        // the kernel's stack back.
        enter(|| unsafe { enter_user_by(frame.0, &raw const arguments) })
    })
}

/// Calls `go` with `program` and a stack mapped for ring 3.
fn mapped(program: &[u8], go: impl FnOnce() -> Outcome) -> Outcome {
    let (code, stack) = (Frame::alloc(), Frame::alloc());
    code.copy_from(program);
    let root = Root::current();
    lazy::batch(|| {
        root.map(CODE_AT, &code, Entry::P | Entry::US | Entry::A);
        root.map(STACK_AT, &stack, Entry::KERNEL | Entry::US);
    });
    let outcome = go();
    lazy::batch(|| {
        root.unmap(CODE_AT);
        root.unmap(STACK_AT);
    });
    outcome
}

fn enter(go: impl FnOnce()) -> Outcome {
    let saved = interrupts::save_and_disable();
    assert!(RESUME.load(Ordering::Relaxed) == 0, "one program at a time");
    go();
    RESUME.store(0, Ordering::Relaxed);
    let outcome = OUTCOME.with(Option::take).expect("`leave` comes with an outcome");
    interrupts::restore(saved);
    outcome
}

/// Serves `int 0x80`; called from the trap stubs.
pub(crate) fn system_call(frame: &mut TrapFrame) {
    match frame.eax {
        EXIT => leave(Outcome::Exited(frame.ebx)),
        NOTHING => {}
        unknown => match SYSTEM_CALL.get() {
            Some(answer) => answer(frame),
            None => panic!("system call {unknown} has nobody to answer it"),
        },
    }
}

/// Ends the program: [`run`] returns `outcome`.
pub(crate) fn leave(outcome: Outcome) -> ! {
    OUTCOME.set(Some(outcome));
    // SAFETY: a trap from ring 3 means that `enter_user` has not returned; its stack is as it was.
    unsafe { leave_user() }
}

/// Saves the kernel's registers and goes to ring 3.
///
/// ```text
///   [esp+28] arguments | esp | eip | return address | ebp | ebx | esi | edi [esp] = RESUME
/// ```
///
/// # Safety
/// 1. `eip` and `esp` are mapped for ring 3; 2. nobody else's RESUME is pending.
#[unsafe(naked)]
unsafe extern "C" fn enter_user(eip: u32, esp: u32, arguments: *const [u32; 3]) {
    naked_asm!(
        "push ebp",
        "push ebx",
        "push esi",
        "push edi",
        "mov [{RESUME}], esp",
        "mov eax, [esp + 20]",
        "mov ecx, [esp + 24]",
        "mov esi, [esp + 28]",
        "push {USER_DATA}", // what iret takes: ss, esp, eflags, cs, eip
        "push ecx",
        "push {USER_EFLAGS}",
        "push {USER_CODE}",
        "push eax",
        "mov ebx, [esi]",
        "mov ecx, [esi + 4]",
        "mov edx, [esi + 8]",
        "mov eax, {USER_DATA}",
        "mov ds, eax",
        "mov es, eax",
        "xor eax, eax",
        "xor esi, esi",
        "xor edi, edi",
        "xor ebp, ebp",
        "jmp iret_stub",
        RESUME = sym RESUME,
        USER_DATA = const USER_DATA,
        USER_CODE = const USER_CODE,
        USER_EFLAGS = const USER_EFLAGS,
    )
}

/// The same with a frame that is there already.
///
/// # Safety
/// 1. The frame at `esp` leads to ring 3, and the stack below it is nobody's; 2. nobody else's
///    RESUME is pending.
#[unsafe(naked)]
unsafe extern "C" fn enter_user_by(esp: u32, arguments: *const [u32; 3]) {
    naked_asm!(
        "push ebp",
        "push ebx",
        "push esi",
        "push edi",
        "mov [{RESUME}], esp",
        "mov eax, [esp + 24]",
        "mov esp, [esp + 20]",
        "mov ebx, [eax]",
        "mov ecx, [eax + 4]",
        "mov edx, [eax + 8]",
        "mov eax, {USER_DATA}",
        "mov ds, eax",
        "mov es, eax",
        "jmp iret_stub",
        RESUME = sym RESUME,
        USER_DATA = const USER_DATA,
    )
}

/// Takes up where `enter_user` left the kernel, and returns from it.
///
/// # Safety
/// `enter_user` has been called and has not returned.
#[unsafe(naked)]
unsafe extern "C" fn leave_user() -> ! {
    naked_asm!(
        "mov esp, [{RESUME}]",
        "xor eax, eax",
        "mov fs, eax", // whatever the program left there may lose its descriptor
        "mov gs, eax",
        "pop edi",
        "pop esi",
        "pop ebx",
        "pop ebp",
        "ret",
        RESUME = sym RESUME,
    )
}
