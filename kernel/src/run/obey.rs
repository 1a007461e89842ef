//! Hypercalls, obeyed.
//!
//! First the ring of queued calls, in order, then the one just made. A call
//! that the Launcher has to know about leaves the rest where it is; the next
//! turn begins there.
//!
//! Invariants:
//! - Nothing is obeyed before INIT, and INIT only once.
//! - At most one ring's worth of queued calls is obeyed for each call made, and
//!   none once the slice is over (`a_slice_ends_between_two_queued_calls`).
//!
//! Source: lguest ABI, "Rules", "Async ring".
//!
//! Next on the tour: [`crate::hypercall::set_pte`].

use alloc::boxed::Box;

use abi::hypercall::{LHCALL_LGUEST_INIT, LHCALL_SET_PMD, LHCALL_SET_PTE};
use abi::kill::{DescriptorError, HypercallError};
use abi::lguest_data::RING_ENTRIES;
use abi::{GuestMemory, GuestPhys, GuestResult, Nanos};

use switcher::descriptor::GDT_ENTRIES;

use crate::cpu::Cpu;
use crate::cpu::pause::Pause;
use crate::guest::Guest;
use crate::guest::init::Preparation;
use crate::guest::init::recognise::recognise;
use crate::guest::shared::Shared;
use crate::hypercall::Hypercall;
use crate::hypercall::call::{Call, Instruction, Words};
use crate::hypercall::set_pte::Run;
use crate::run::trap;
use crate::shadow::fault::MAX_STACK_PAGES;
use crate::shadow::walk::Format;
use crate::trace::event::Event;

/// The shortest clock event: a Guest cannot drown the Host in its own timer.
const SHORTEST_EVENT: Nanos = Nanos::from_micros(10);

/// What the Launcher has to know before calls are obeyed on: a [`Pause`] in two
/// words, for it is in hand after each call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallPause {
    /// A device was kicked.
    Notify(GuestPhys),
    /// The Guest wants to end, with last words at this address, ...
    PowerOff(GuestPhys),
    /// ... and to start again.
    Restart(GuestPhys),
    /// The slice is over.
    Preempted,
}

impl From<CallPause> for Pause {
    fn from(call: CallPause) -> Self {
        match call {
            CallPause::Notify(at) => Self::Notify(at),
            CallPause::PowerOff(text) => Self::Shutdown { text, restart: false },
            CallPause::Restart(text) => Self::Shutdown { text, restart: true },
            CallPause::Preempted => Self::Preempted,
        }
    }
}

/// Obeys the ring and then the call in the registers. `Some` if the Launcher has to know.
///
/// # Errors
/// Whatever the calls did wrong kills.
#[inline]
pub fn hypercalls<M: GuestMemory, C: Cpu>(
    guest: &mut Guest<M>,
    cpu: &mut C,
    by: Instruction,
) -> GuestResult<Option<CallPause>> {
    let Some(shared) = &guest.shared else {
        let is_done = init(guest, cpu, by)?;
        return Ok((!is_done).then_some(CallPause::Preempted));
    };
    let variant = shared.variant;
    if !shared.ring.is_empty(&guest.memory)?
        && let Some(pause) = go_round(guest, cpu)?
    {
        guest.calling = Some(by);
        return Ok(Some(pause));
    }
    let call = Call::new(variant, words(cpu));
    obey(guest, cpu, call)
}

/// What a call is made of, where the instruction has left it.
#[inline]
fn words<C: Cpu>(cpu: &mut C) -> Words {
    let regs = &cpu.pages().stack.regs;
    [regs.eax, regs.ebx, regs.ecx, regs.edx, regs.esi]
}

/// Obeys the ring, once round at most. `Some` if the Launcher has to know before it goes on.
#[inline(never)]
fn go_round<M: GuestMemory, C: Cpu>(guest: &mut Guest<M>, cpu: &mut C) -> GuestResult<Option<CallPause>> {
    let mut left = RING_ENTRIES;
    while let Some(shared) = guest.shared.as_mut().filter(|_| left > 0)
        && let Some(call) = shared.ring.peek(&guest.memory)?
    {
        if call.number == LHCALL_SET_PTE {
            left -= set_ptes(guest, left)?;
            continue;
        }
        left -= 1;
        shared.ring.give_back(&mut guest.memory, 1)?;
        if let Some(pause) = obey(guest, cpu, call)? {
            return Ok(Some(pause));
        }
        if guest.before_entry.is_watched() {
            // More calls may be queued than the ring has room for.
            guest.trace.feed(cpu.tsc());
        }
        if cpu.slice_is_over() {
            return Ok(Some(CallPause::Preempted));
        }
    }
    Ok(None)
}

/// Obeys the SET_PTEs that are next in the ring, `most` of them at most; returns how many.
#[inline(never)]
fn set_ptes<M: GuestMemory>(guest: &mut Guest<M>, most: usize) -> GuestResult<usize> {
    let Guest { shared: Some(shared), shadow, memory, trace, .. } = guest else {
        return Ok(0);
    };
    let copies = shared.ring.copies();
    let mut run = Run::new(&copies[..copies.len().min(most)]);
    let outcome = shadow.set_ptes(memory.limit(), &mut run);
    if let Some(event) = run.event() {
        trace.note(event);
    }
    let taken = run.taken();
    shared.ring.give_back(memory, taken)?;
    outcome.map(|()| taken)
}

/// The first call of all, which also tells what the Guest speaks. `false` if it is not done when the
/// slice is over. (What it returns is no [`CallPause`], or those of all other calls would go through
/// memory with it.)
#[cold]
#[inline(never)]
fn init<M: GuestMemory, C: Cpu>(guest: &mut Guest<M>, cpu: &mut C, by: Instruction) -> GuestResult<bool> {
    let mut preparation = match guest.preparation.take() {
        Some(preparation) => preparation,
        None => match begin_init(guest, cpu, by)? {
            Some(preparation) => Box::new(preparation),
            None => return Ok(true),
        },
    };
    while !preparation.advance(&mut guest.memory, &mut guest.shadow)? {
        if cpu.slice_is_over() {
            (guest.preparation, guest.calling) = (Some(preparation), Some(by));
            return Ok(false);
        }
    }
    guest.shared = Some(preparation.into_shared());
    Ok(true)
}

/// Hears what INIT says; what is left to do if the Guest expects to find page tables.
fn begin_init<M: GuestMemory, C: Cpu>(
    guest: &mut Guest<M>,
    cpu: &mut C,
    by: Instruction,
) -> GuestResult<Option<Preparation>> {
    let words = words(cpu);
    let [number, arg1, arg2, ..] = words;
    guest.trace.note(Event::Hypercall { number, arg1, arg2 });
    if number != LHCALL_LGUEST_INIT {
        return Err(HypercallError::BeforeInit { number }.into());
    }
    let (variant, at) = recognise(&guest.memory, words, by, guest.dialect.variant)?;
    let (tsc_khz, wall_clock) = (cpu.tsc_khz(), cpu.wall_clock());
    let shared = Shared::admit(&mut guest.memory, variant, at, tsc_khz, wall_clock)?;
    guest.shadow.set_kernel_address(shared.kernel_address);
    guest.idt.keep_undefined_opcodes(variant.may_use_vmcall());
    let told = guest.dialect.pae.map(|pae| if pae { Format::Pae } else { Format::TwoLevel });
    guest.shadow.set_format(told);
    if variant.has_boot_tables() {
        return Preparation::begin(shared, told, &guest.memory).map(Some);
    }
    guest.shared = Some(shared);
    Ok(None)
}

/// Obeys one call. Inlined where most calls come from, so that they pay for no frame.
#[inline(always)]
fn obey<M: GuestMemory, C: Cpu>(
    guest: &mut Guest<M>,
    cpu: &mut C,
    call: Call,
) -> GuestResult<Option<CallPause>> {
    let Call { number, arguments: [arg1, arg2, ..] } = call;
    guest.trace.note(Event::Hypercall { number, arg1, arg2 });
    match Hypercall::decode(call)? {
        Hypercall::FlushAsync | Hypercall::SendInterrupts => {}
        Hypercall::LguestInit(_) => return Err(HypercallError::InitTwice.into()),
        Hypercall::Shutdown { text, restart } => {
            return Ok(Some(if restart { CallPause::Restart(text) } else { CallPause::PowerOff(text) }));
        }
        Hypercall::Notify(at) => return Ok(Some(CallPause::Notify(at))),
        Hypercall::Halt => guest.before_entry.set_halted(true),
        Hypercall::Ts(on) => guest.task_switched = on,
        Hypercall::SetClockevent(delay) => set_clock(guest, cpu, delay),
        Hypercall::NewPgtable(top) => guest.shadow.switch_to(&guest.memory, top)?,
        Hypercall::FlushTlb { everything: true } => guest.shadow.flush_all(),
        Hypercall::FlushTlb { everything: false } => guest.shadow.flush_user(&guest.memory),
        Hypercall::SetPte(change) => guest.shadow.set_pte(&guest.memory, change)?,
        Hypercall::SetPmd { .. } if guest.shadow.format() == Format::TwoLevel => {
            return Err(HypercallError::Unknown { number: LHCALL_SET_PMD }.into());
        }
        Hypercall::SetPmd { middle, index } => guest.shadow.set_pmd(&guest.memory, middle, index)?,
        Hypercall::SetPgd { top, index } => guest.shadow.set_pgd(top, index)?,
        Hypercall::SetStack { selector, esp, pages } => set_stack(guest, selector, esp, pages)?,
        Hypercall::LoadIdtEntry { vector, low, high } => guest.idt.load_entry(vector, low, high)?,
        Hypercall::LoadGdtEntry { index, descriptor } => guest.gdt.load_entry(index, descriptor)?,
        Hypercall::LoadGdt { table, entries } => load_gdt(guest, table, entries)?,
        Hypercall::LoadTls(at) => load_tls(guest, at)?,
    }
    Ok(None)
}

fn set_clock<M: GuestMemory, C: Cpu>(guest: &mut Guest<M>, cpu: &mut C, delay: Option<Nanos>) {
    guest.clock_event = delay.map(|delay| cpu.now().after(delay.max(SHORTEST_EVENT)));
    trap::check_clock(guest, cpu);
}

fn set_stack<M: GuestMemory>(guest: &mut Guest<M>, selector: u32, esp: u32, pages: u32) -> GuestResult {
    if selector & 3 != 1 || pages > MAX_STACK_PAGES || !guest.gdt.is_stack(selector) {
        return Err(HypercallError::Stack { selector, pages }.into());
    }
    guest.stack = (selector, esp);
    guest.shadow.set_stack(esp, pages);
    Ok(())
}

fn load_gdt<M: GuestMemory>(guest: &mut Guest<M>, table: GuestPhys, entries: u32) -> GuestResult {
    let mut bytes = [0; 8 * GDT_ENTRIES];
    let wanted = bytes.get_mut(..(entries as usize).saturating_mul(8));
    guest.memory.read_into(table, wanted.ok_or(DescriptorError::Index { index: entries })?)?;
    let (descriptors, _) = bytes.as_chunks::<8>();
    (0..entries)
        .zip(descriptors)
        .try_for_each(|(index, descriptor)| guest.gdt.load_entry(index, u64::from_le_bytes(*descriptor)))
}

fn load_tls<M: GuestMemory>(guest: &mut Guest<M>, at: GuestPhys) -> GuestResult {
    let mut bytes = [0; 24];
    guest.memory.read_into(at, &mut bytes)?;
    let (entries, _) = bytes.as_chunks::<8>();
    guest.gdt.load_tls(core::array::from_fn(|index| u64::from_le_bytes(entries[index])));
    Ok(())
}

#[cfg(test)]
#[path = "obey_tests.rs"]
mod tests;
