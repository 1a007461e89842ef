//! Virtual interrupts: what waits, and when it may be let in.
//!
//! A line becomes pending when its device or timer says so. Before each entry
//! the lowest one that is not blocked is delivered, if the Guest's virtual
//! interrupt flag is set and it is not inside its `iret` stub. A Guest may
//! open its flag without telling anybody, so while something waits in vain a
//! tick makes sure the Host looks again.
//!
//! Invariants:
//! - Only bit 9 of `irq_enabled` counts.
//! - `irq_pending` is set only while something waits for the flag, and cleared
//!   when nothing does (`the_pending_word_is_cleared_when_nothing_waits`).
//!
//! Source: lguest ABI, "Virtual interrupts", "HALT".
//!
//! Next on the tour: [`crate::guest::init::recognise`].

use abi::hypercall::FIRST_IRQ_VECTOR;
use abi::{GuestMemory, GuestResult, Nanos};

use crate::cpu::Cpu;
use crate::guest::Guest;
use crate::guest::shared::NoIrq;
use crate::run::trap;

/// How long a Guest may keep a pending interrupt from being looked at again.
const LOOK_AGAIN: Nanos = Nanos::from_millis(1);

/// Delivers the lowest line that may be delivered now, and wakes a halted Guest for it.
///
/// # Errors
/// As [`trap::enter_handler`].
#[inline]
pub fn deliver<M: GuestMemory, C: Cpu>(guest: &mut Guest<M>, cpu: &mut C) -> GuestResult {
    if !guest.interrupts.any() {
        return Ok(());
    }
    deliver_some(guest, cpu)
}

fn deliver_some<M: GuestMemory, C: Cpu>(guest: &mut Guest<M>, cpu: &mut C) -> GuestResult {
    if guest.interrupts.is_put_off && !guest.before_entry.is_halted() {
        return Ok(());
    }
    let Some(shared) = &guest.shared else { return Ok(()) };
    let ready = guest.interrupts.pending() & !shared.blocked(&guest.memory)?;
    if ready == 0 {
        return wait(guest, cpu, false);
    }
    let eip = cpu.pages().stack.regs.eip;
    let is_at_iret = match &shared.no_irq {
        NoIrq::Range(range) if range.contains(&eip) => return wait(guest, cpu, false),
        NoIrq::Iret(iret) => *iret == eip && cpu.pages().stack.regs.cs & 3 == 1,
        NoIrq::Range(_) => false,
    };
    if guest.before_entry.is_halted() {
        guest.before_entry.set_halted(false);
        shared.set_interrupts_on(&mut guest.memory, true)?;
    } else if !shared.interrupts_on(&guest.memory)? {
        return wait(guest, cpu, true);
    }
    let line = ready.trailing_zeros() as u8;
    let vector = FIRST_IRQ_VECTOR + line;
    let Some(handler) = guest.idt.handler(vector) else {
        return wait(guest, cpu, false);
    };
    guest.interrupts.take(line);
    shared.set_time(&mut guest.memory, cpu.wall_clock())?;
    tell(guest, ready & (ready - 1) != 0)?;
    if is_at_iret {
        return trap::enter_on_frame(guest, cpu, vector, handler);
    }
    trap::enter_handler(guest, cpu, vector, handler, None)
}

/// Nothing can be delivered now: sees to it that somebody looks again.
fn wait<M: GuestMemory, C: Cpu>(guest: &mut Guest<M>, cpu: &mut C, for_the_flag: bool) -> GuestResult {
    tell(guest, for_the_flag)?;
    if !guest.interrupts.is_ticking && !guest.before_entry.is_halted() {
        guest.interrupts.is_ticking = true;
        let soon = cpu.now().after(LOOK_AGAIN);
        cpu.wake_at(guest.clock_event.map_or(soon, |at| at.min(soon)));
    }
    Ok(())
}

/// Keeps `irq_pending` true to its name.
fn tell<M: GuestMemory>(guest: &mut Guest<M>, waits: bool) -> GuestResult {
    if guest.interrupts.is_told != waits
        && let Some(shared) = &guest.shared
    {
        shared.set_irq_pending(&mut guest.memory, waits)?;
        guest.interrupts.is_told = waits;
    }
    Ok(())
}
