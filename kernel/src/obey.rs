//! Hypercalls, obeyed.
//!
//! First the ring of queued calls, in order, then the one just made. A call
//! that the Launcher has to know about leaves the rest where it is; the next
//! turn begins there.
//!
//! Invariants:
//! - Nothing is obeyed before INIT, and INIT only once.
//! - At most one ring's worth of queued calls is obeyed for each call made.
//!
//! Source: lguest ABI, "Rules", "Async ring".
//!
//! Next on the tour: [`crate::event`].

use abi::kill::HypercallError;
use abi::lguest_data::RING_ENTRIES;
use abi::{GuestMemory, GuestPhys, GuestResult, Nanos, Shutdown, Stop};

use crate::cpu::Cpu;
use crate::event::Event;
use crate::guest::Guest;
use crate::hypercall::Hypercall;
use crate::shared::{Call, Shared};
use crate::trap;

/// The shortest clock event: a Guest cannot drown the Host in its own timer.
const SHORTEST_EVENT: Nanos = Nanos::from_micros(10);

/// Obeys the ring and then the call in the registers. `Some` if the Launcher has to know.
///
/// # Errors
/// Whatever the calls did wrong kills.
#[inline]
pub fn hypercalls<M: GuestMemory, C: Cpu>(guest: &mut Guest<M>, cpu: &mut C) -> GuestResult<Option<Stop>> {
    let regs = &cpu.pages().stack.regs;
    let call = [regs.eax, regs.ebx, regs.ecx, regs.edx, regs.esi];
    if guest.shared.is_none() {
        guest.is_calling = false;
        return init(guest, cpu, call).map(|()| None);
    }
    for _ in 0..RING_ENTRIES {
        let Some(queued) = next_queued(guest)? else {
            break;
        };
        let stop = obey(guest, cpu, queued)?;
        if stop.is_some() {
            return Ok(stop);
        }
    }
    guest.is_calling = false;
    obey(guest, cpu, call)
}

/// The next queued call, taken out of the ring.
#[inline]
fn next_queued<M: GuestMemory>(guest: &mut Guest<M>) -> GuestResult<Option<Call>> {
    let Some(shared) = &mut guest.shared else {
        return Ok(None);
    };
    let queued = shared.ring_next(&guest.memory)?;
    if queued.is_some() {
        shared.ring_done(&mut guest.memory)?;
    }
    Ok(queued)
}

/// The first call of all.
fn init<M: GuestMemory, C: Cpu>(guest: &mut Guest<M>, cpu: &mut C, call: Call) -> GuestResult {
    note(guest, call);
    let Ok(Hypercall::LguestInit(at)) = Hypercall::decode(call) else {
        return Err(HypercallError::BeforeInit { number: call[0] }.into());
    };
    let (tsc_khz, wall_clock) = (cpu.tsc_khz(), cpu.wall_clock());
    let shared = Shared::admit(&mut guest.memory, at, tsc_khz, wall_clock)?;
    guest.shadow.set_kernel_address(shared.kernel_address);
    guest.shared = Some(shared);
    Ok(())
}

#[inline]
fn note<M>(guest: &mut Guest<M>, [number, arg1, arg2, ..]: Call) {
    guest.trace.note(Event::Hypercall { number, arg1, arg2 });
}

#[inline]
fn obey<M: GuestMemory, C: Cpu>(guest: &mut Guest<M>, cpu: &mut C, call: Call) -> GuestResult<Option<Stop>> {
    note(guest, call);
    let limit = guest.memory.limit();
    match Hypercall::decode(call)? {
        Hypercall::FlushAsync | Hypercall::SendInterrupts => {}
        Hypercall::LguestInit(_) => return Err(HypercallError::InitTwice.into()),
        Hypercall::Shutdown { text, restart } => return shutdown(guest, text, restart).map(Some),
        Hypercall::Notify(at) => return Ok(Some(Stop::Notify(at))),
        Hypercall::Halt => guest.is_halted = true,
        Hypercall::Ts(on) => guest.task_switched = on,
        Hypercall::SetClockevent(delay) => set_clock(guest, cpu, delay),
        Hypercall::NewPgtable(top) => guest.shadow.switch_to(top, limit)?,
        Hypercall::FlushTlb { everything: true } => guest.shadow.flush_all(),
        Hypercall::FlushTlb { everything: false } => guest.shadow.flush_user(),
        Hypercall::SetPte { top, at, entry } => guest.shadow.set_pte(&mut guest.memory, top, at, entry)?,
        Hypercall::SetPgd { top, index } => guest.shadow.set_pgd(top, index)?,
        Hypercall::SetStack { selector, esp, pages } => set_stack(guest, selector, esp, pages)?,
        Hypercall::LoadIdtEntry { vector, low, high } => guest.idt.load_entry(vector, low, high)?,
        Hypercall::LoadGdtEntry { index, descriptor } => guest.gdt.load_entry(index, descriptor)?,
        Hypercall::LoadTls(at) => load_tls(guest, at)?,
    }
    Ok(None)
}

/// Reads the last words; a restart needs none.
fn shutdown<M: GuestMemory>(guest: &Guest<M>, text: GuestPhys, restart: bool) -> GuestResult<Stop> {
    let mut words = [0; Shutdown::TEXT_LEN];
    match guest.memory.read_into(text, &mut words) {
        Err(reason) if !restart => Err(reason),
        Ok(()) | Err(_) => Ok(Stop::Shutdown(Shutdown::new(restart, words))),
    }
}

fn set_clock<M: GuestMemory, C: Cpu>(guest: &mut Guest<M>, cpu: &mut C, delay: Option<Nanos>) {
    guest.clock_event = delay.map(|delay| cpu.now().after(delay.max(SHORTEST_EVENT)));
    trap::check_clock(guest, cpu);
}

fn set_stack<M: GuestMemory>(guest: &mut Guest<M>, selector: u32, esp: u32, pages: u32) -> GuestResult {
    if selector & 3 != 1 || pages > 2 || !guest.gdt.is_stack(selector) {
        return Err(HypercallError::Stack { selector, pages }.into());
    }
    guest.stack = (selector, esp);
    guest.shadow.set_stack(esp, pages);
    Ok(())
}

fn load_tls<M: GuestMemory>(guest: &mut Guest<M>, at: GuestPhys) -> GuestResult {
    let mut bytes = [0; 24];
    guest.memory.read_into(at, &mut bytes)?;
    let (entries, _) = bytes.as_chunks::<8>();
    guest.gdt.load_tls(core::array::from_fn(|index| u64::from_le_bytes(entries[index])));
    Ok(())
}
