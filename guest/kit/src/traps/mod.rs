//! Traps: from the gate to the handler and back.
//!
//! Every vector has a stub that pushes its number and falls into one common
//! path, which builds a [`TrapFrame`] and calls `dispatch`:
//!
//! ```text
//!   0x20..0x40  -> the handler of the interrupt line
//!   0x80        -> the system call
//!   0..0x20     -> a registered handler, else
//!                  a probe that expected it ([`crate::probe`]), else
//!                  ring 3 ends ([`crate::user`]), else panic
//! ```
//!
//! Interrupt gates everywhere, so that the Host clears the virtual interrupt
//! flag on the way in; only the system call has a trap gate, because that one
//! the CPU may enter without the Host. Guests since 4.6 gave that up.
//!
//! Source: Intel SDM Vol. 3, 6.12 "Exception and Interrupt Handling"; lguest
//! ABI, "Reflecting a trap".
//!
//! Next on the tour: [`frame`].

pub mod frame;
mod stubs;

use abi::hypercall::{FIRST_IRQ_VECTOR, IRQ_LINES, SYSCALL_VECTOR};

use crate::dialect::Dialect;
use crate::gate::{Gate, GateKind};
use crate::hypercall::Call;
use crate::local::Local;
use crate::segment_descriptor::KERNEL_CODE;
use crate::{interrupts, probe, user};
pub use frame::{Exception, TrapFrame};
pub(crate) use stubs::stub;

/// Vectors that the CPU raises by itself.
pub const EXCEPTIONS: u8 = 32;

/// Exceptions that ring 3 may raise by an instruction: `int3` and `into`.
const USER_CALLABLE: [u8; 2] = [3, 4];

/// What a handler made of an exception.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Dealt with: carry on where the frame says.
    Resume,
    /// Not mine: let the others see it.
    Decline,
}

/// A function that may know what to do about an exception.
pub type Handler = fn(&mut TrapFrame) -> Verdict;

static HANDLERS: Local<[Option<Handler>; EXCEPTIONS as usize]> = Local::new([None; EXCEPTIONS as usize]);

/// Loads a gate for every exception, every interrupt line and the system call.
pub(crate) fn init() {
    let lines = FIRST_IRQ_VECTOR..FIRST_IRQ_VECTOR + IRQ_LINES;
    for vector in (0..EXCEPTIONS).chain(lines) {
        let dpl = if USER_CALLABLE.contains(&vector) { 3 } else { 0 };
        load_gate(vector, GateKind::Interrupt, dpl);
    }
    let has_interrupt_gate = Dialect::current().has_interrupt_gate();
    load_gate(SYSCALL_VECTOR, if has_interrupt_gate { GateKind::Interrupt } else { GateKind::Trap }, 3);
}

/// Loads a gate of `kind` to the stub of `vector`.
pub fn load_gate(vector: u8, kind: GateKind, dpl: u8) {
    Call::load_idt_entry(vector, Gate::new(kind, KERNEL_CODE, stub(vector), dpl)).make();
}

/// Leaves `vector` without a gate.
pub fn unload_gate(vector: u8) {
    Call::load_idt_entry(vector, Gate::ABSENT).make();
}

/// Has `handler` see exception `vector` first.
pub fn handle(vector: u8, handler: Handler) {
    HANDLERS.with(|handlers| handlers[usize::from(vector)] = Some(handler));
}

/// Takes the handler of exception `vector` away.
pub fn unhandle(vector: u8) {
    HANDLERS.with(|handlers| handlers[usize::from(vector)] = None);
}

/// Where every stub ends up.
extern "C" fn dispatch(frame: &mut TrapFrame) {
    let vector = frame.vector();
    if let Some(line) = vector.checked_sub(FIRST_IRQ_VECTOR).filter(|line| *line < IRQ_LINES) {
        interrupts::dispatch(line, frame.eip);
    } else if vector == SYSCALL_VECTOR {
        user::system_call(frame);
    } else {
        exception(frame);
    }
}

fn exception(frame: &mut TrapFrame) {
    let handler = HANDLERS.with(|handlers| handlers.get(usize::from(frame.vector())).copied().flatten());
    if handler.is_some_and(|handler| handler(frame) == Verdict::Resume) {
        return;
    }
    let exception = frame.exception();
    if let Some(landing) = probe::land(exception) {
        frame.eip = landing;
    } else if frame.is_from_user() {
        user::leave(user::Outcome::Trapped(exception));
    } else {
        panic!("{exception}, which nobody expected");
    }
}
