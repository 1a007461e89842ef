//! What an exit means, and how a Guest's own handler is entered.
//!
//! Each [`TrapExit`] is the Host's business (a device, the tick), the treaty's
//! (a hypercall, an empty shadow) or the Guest's own. The last kind is
//! reflected: the Host pushes the frame the CPU would have pushed and points
//! the registers at the Guest's handler.
//!
//! ```text
//! from ring 3:  ss1:esp1 -> ss esp eflags cs eip [code]   <- new esp
//! from ring 1:   old esp ->        eflags cs eip [code]   <- new esp
//! ```
//!
//! Invariants:
//! - Each part of a frame goes through the Guest's translation of its own
//!   page; where there is none the Guest dies, with the address.
//! - The handler starts with TF, NT, RF and VM clear.
//!
//! Source: lguest ABI, "Reflecting a trap"; Intel SDM Vol. 3, "Exception- or
//! Interrupt-Handler Procedures".
//!
//! Longer than most files: what an exit means and the frame it may end in are one path, and are
//! read, and counted, as one.
//!
//! Next on the tour: `bad_exit.rs`.

use abi::lguest_data::IF;
use abi::{GuestLinear, GuestMemory, GuestPhys, GuestResult, KillReason, PAGE_SIZE};

use switcher::{GuestRegs, has_error_code};

use crate::cpu::eflags::VM;
use crate::cpu::exit::DEBUG;
use crate::cpu::exit::{PageFaultCode, TrapExit};
use crate::cpu::pause::Pause;
use crate::cpu::{Attention, Cpu};
use crate::emulate::access::Emulation;
use crate::emulate::{io, mmio};
use crate::guest::Guest;
use crate::guest::idt::Handler;
use crate::guest::interrupts::TIMER_LINE;
use crate::guest::segment::KERNEL_CS;
use crate::hypercall::call::Instruction;
use crate::run::bad_exit;
use crate::shadow::PageFault;
use crate::trace::event::Event;

/// EFLAGS bits a handler starts without: TF, NT, RF, VM.
pub const CLEARED_FOR_HANDLERS: u32 = 1 << 8 | 1 << 14 | 1 << 16 | VM;

/// The bytes of `vmcall`.
const VMCALL: [u8; 3] = [0x0F, 0x01, 0xC1];
/// The byte of `hlt`.
const HLT: u8 = 0xF4;

/// Does what an exit calls for. `Some` if the Launcher has to know.
///
/// # Errors
/// Kills the Guest if it may not go on.
#[inline]
pub fn handle<M: GuestMemory, C: Cpu>(
    guest: &mut Guest<M>,
    cpu: &mut C,
    exit: TrapExit,
) -> GuestResult<Option<Pause>> {
    match exit {
        TrapExit::Hypercall => guest.calling = Some(Instruction::Int),
        TrapExit::PageFault { at, code } => return page_fault(guest, cpu, at, code),
        TrapExit::GeneralProtection(0) | TrapExit::Exception { vector: 6, .. } if is_vmcall(guest, cpu) => {
            guest.calling = Some(Instruction::Vmcall);
        }
        TrapExit::GeneralProtection(code) => match io::emulate(guest, cpu, code) {
            Emulation::Done => pay_causes(guest, cpu)?,
            Emulation::Leaves(pause) => return Ok(Some(pause)),
            Emulation::NotOurs => reflect(guest, cpu, 13, code, None)?,
        },
        TrapExit::DeviceNotAvailable if guest.task_switched => reflect(guest, cpu, 7, 0, None)?,
        TrapExit::DeviceNotAvailable => cpu.set_task_switched(false),
        TrapExit::HostInterrupt(vector) => return Ok(host_interrupt(guest, cpu, vector)),
        TrapExit::Nmi => cpu.nmi(),
        TrapExit::MachineCheck => return Err(bad_exit::machine_check(cpu)),
        TrapExit::Exception { vector, code } => exception(guest, cpu, vector, code)?,
        TrapExit::DoubleFault => {
            let eip = GuestLinear(cpu.pages().stack.regs.eip);
            return Err(KillReason::DoubleFault { eip });
        }
        TrapExit::BadEntry { vector, code } => return Err(KillReason::BadEntry { vector, code }),
        TrapExit::BadFrame { vector } => return Err(bad_exit::bad_frame(cpu, vector)),
    }
    Ok(None)
}

/// Whether a fault was a `vmcall` of a Guest that may make one; if so, steps over it and counts it as
/// a call.
#[inline(never)]
fn is_vmcall<M: GuestMemory, C: Cpu>(guest: &mut Guest<M>, cpu: &mut C) -> bool {
    let regs = &mut cpu.pages().stack.regs;
    let may = guest.shared.as_ref().is_none_or(|shared| shared.variant.may_use_vmcall());
    let is_ours = may
        && regs.cs & 3 == 1
        && io::code_at(guest, regs.eip, PageFaultCode(0)).take(VMCALL.len()).eq(VMCALL);
    if is_ours {
        regs.eip = regs.eip.wrapping_add(VMCALL.len() as u32);
        guest.exits.was_a_call(regs.trapnum);
    }
    is_ours
}

#[inline]
fn page_fault<M: GuestMemory, C: Cpu>(
    guest: &mut Guest<M>,
    cpu: &mut C,
    at: GuestLinear,
    code: PageFaultCode,
) -> GuestResult<Option<Pause>> {
    let code = match guest.shadow.demand_page(&mut guest.memory, at, code)? {
        PageFault::Fixed => return Ok(None),
        PageFault::Reflect(code) => code,
        // Not a #PF: the Guest's own tables allow it, and it would try again for ever.
        PageFault::Closed => return exception(guest, cpu, 13, 0).map(|()| None),
        PageFault::Device(place) => match mmio::access(guest, cpu, at, code, place) {
            Emulation::Leaves(pause) => return Ok(Some(pause)),
            Emulation::Done | Emulation::NotOurs => code.seen_by_guest(true),
        },
    };
    if let Some(shared) = &guest.shared {
        shared.set_cr2(&mut guest.memory, at)?;
    }
    reflect(guest, cpu, 14, code.0, Some(at)).map(|()| None)
}

/// Delivers the #DB that is due behind an instruction performed for a Guest that single-steps, or
/// in front of one that is not.
///
/// # Errors
/// As [`reflect`].
#[inline]
pub fn pay_causes<M: GuestMemory, C: Cpu>(guest: &mut Guest<M>, cpu: &mut C) -> GuestResult {
    match core::mem::take(&mut guest.owed_causes) {
        0 => Ok(()),
        causes => debug_exception(guest, cpu, causes),
    }
}

/// An exception the Host has no part in, but that it has to say what a #DB was about.
#[inline(never)]
fn exception<M: GuestMemory, C: Cpu>(
    guest: &mut Guest<M>,
    cpu: &mut C,
    vector: u8,
    code: u32,
) -> GuestResult {
    if vector == DEBUG {
        let causes = cpu.debug_status();
        return debug_exception(guest, cpu, causes);
    }
    reflect(guest, cpu, vector, code, None)
}

/// The Guest gets a #DB, about `causes`.
#[cold]
#[inline(never)]
fn debug_exception<M: GuestMemory, C: Cpu>(guest: &mut Guest<M>, cpu: &mut C, causes: u32) -> GuestResult {
    guest.debug_registers.note(causes);
    reflect(guest, cpu, DEBUG, 0, None)
}

fn host_interrupt<M: GuestMemory, C: Cpu>(guest: &mut Guest<M>, cpu: &mut C, vector: u8) -> Option<Pause> {
    let attention = cpu.interrupt(vector);
    guest.interrupts.ticked();
    check_clock(guest, cpu);
    match attention {
        Attention::GoOn => None,
        Attention::Wanted => Some(Pause::Preempted),
    }
}

/// Raises the timer's line if it is due, and asks to be woken for it if it is not.
pub fn check_clock<M: GuestMemory, C: Cpu>(guest: &mut Guest<M>, cpu: &mut C) {
    let Some(at) = guest.clock_event else {
        return;
    };
    if cpu.now() >= at {
        guest.clock_event = None;
        guest.raise(TIMER_LINE);
    } else {
        cpu.wake_at(at);
    }
}

/// Lets the Guest handle a trap of its own.
///
/// # Errors
/// Kills if it has no handler, or no stack for the frame.
#[inline]
pub fn reflect<M: GuestMemory, C: Cpu>(
    guest: &mut Guest<M>,
    cpu: &mut C,
    vector: u8,
    code: u32,
    cr2: Option<GuestLinear>,
) -> GuestResult {
    let Some(handler) = guest.idt.handler(vector) else {
        let eip = GuestLinear(cpu.pages().stack.regs.eip);
        return Err(match &guest.shared {
            Some(_) => KillReason::UnhandledTrap { vector, eip, code, cr2 },
            None => trap_before_init(guest, vector, eip),
        });
    };
    enter_handler(guest, cpu, vector, handler, has_error_code(vector).then_some(code))
}

/// What kind of kernel traps before its first hypercall.
fn trap_before_init<M: GuestMemory>(guest: &mut Guest<M>, vector: u8, eip: GuestLinear) -> KillReason {
    match io::code_at(guest, eip.0, PageFaultCode(0)).next() {
        Some(HLT) if vector == 13 => KillReason::HaltedEarly { eip },
        Some(_) | None => KillReason::Native { vector, eip },
    }
}

/// Pushes the frame of `vector` and points the registers at `handler`.
///
/// # Errors
/// [`KillReason::NoStack`] if the frame has nowhere to go.
#[inline]
pub fn enter_handler<M: GuestMemory, C: Cpu>(
    guest: &mut Guest<M>,
    cpu: &mut C,
    vector: u8,
    handler: Handler,
    code: Option<u32>,
) -> GuestResult {
    guest.trace.note(Event::Inject { vector, handler: handler.eip });
    let regs = &mut cpu.pages().stack.regs;
    let virtual_if = match &guest.shared {
        Some(shared) if !shared.interrupts_on(&guest.memory)? => 0,
        Some(_) | None => IF,
    };
    let (old_ss, old_esp) = (regs.ss & 0xFFFF, regs.esp);
    let [eip, cs, eflags] = [regs.eip, regs.cs & 0xFFFF, regs.eflags & !IF | virtual_if];
    let from_ring_1 = cs & 3 == 1;
    if !from_ring_1 {
        (regs.ss, regs.esp) = guest.stack;
    }
    // Four shapes of known length: each becomes a few stores.
    let esp = regs.esp;
    regs.esp = match (from_ring_1, code) {
        (true, None) => push(guest, esp, [eip, cs, eflags], vector)?,
        (true, Some(code)) => push(guest, esp, [code, eip, cs, eflags], vector)?,
        (false, None) => push(guest, esp, [eip, cs, eflags, old_esp, old_ss], vector)?,
        (false, Some(code)) => push(guest, esp, [code, eip, cs, eflags, old_esp, old_ss], vector)?,
    };
    go_to(guest, regs, handler)
}

/// Enters `handler` for `vector` with the frame that lies on the stack already, because the Guest
/// was about to pop it: so the stack does not grow where it may have no room.
///
/// # Errors
/// None but those of a vanished `lguest_data`.
pub fn enter_on_frame<M: GuestMemory, C: Cpu>(
    guest: &mut Guest<M>,
    cpu: &mut C,
    vector: u8,
    handler: Handler,
) -> GuestResult {
    guest.trace.note(Event::Inject { vector, handler: handler.eip });
    go_to(guest, &mut cpu.pages().stack.regs, handler)
}

/// Points the registers at a handler.
#[inline]
fn go_to<M: GuestMemory>(guest: &mut Guest<M>, regs: &mut GuestRegs, handler: Handler) -> GuestResult {
    regs.cs = KERNEL_CS;
    regs.eip = handler.eip;
    regs.eflags &= !CLEARED_FOR_HANDLERS;
    match &guest.shared {
        Some(shared) if handler.is_interrupt_gate => shared.set_interrupts_on(&mut guest.memory, false),
        Some(_) | None => Ok(()),
    }
}

/// Pushes a frame below `esp`, on one page or two; returns the new `esp`.
#[inline(always)]
fn push<M: GuestMemory, const N: usize>(
    guest: &mut Guest<M>,
    esp: u32,
    frame: [u32; N],
    vector: u8,
) -> GuestResult<u32> {
    let at = GuestLinear(esp.wrapping_sub(size_of_val(&frame) as u32));
    let bytes = frame.map(u32::to_le_bytes);
    if (PAGE_SIZE - at.page_offset()) as usize >= size_of_val(&frame) {
        let place = stack_place(guest, at, vector)?;
        guest.memory.write_from(place, bytes.as_flattened())?;
    } else {
        push_across(guest, at, bytes.as_flattened(), vector)?;
    }
    Ok(at.0)
}

/// Writes a frame to `at` that does not end on the page where it begins.
#[cold]
fn push_across<M: GuestMemory>(
    guest: &mut Guest<M>,
    at: GuestLinear,
    frame: &[u8],
    vector: u8,
) -> GuestResult {
    let room = PAGE_SIZE - at.page_offset();
    let (here, next_page) = frame.split_at(room as usize);
    for (at, part) in [(at, here), (GuestLinear(at.0.wrapping_add(room)), next_page)] {
        let place = stack_place(guest, at, vector)?;
        guest.memory.write_from(place, part)?;
    }
    Ok(())
}

/// Where a push to `at` goes.
#[inline]
fn stack_place<M: GuestMemory>(guest: &mut Guest<M>, at: GuestLinear, vector: u8) -> GuestResult<GuestPhys> {
    let place = guest.shadow.writable(&mut guest.memory, at)?;
    place.ok_or(KillReason::NoStack { at, vector })
}
