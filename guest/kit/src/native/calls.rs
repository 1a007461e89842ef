//! The hypercalls, answered by the kernel itself.
//!
//! Three vectors need a few instructions in front of the kit's own stubs: the
//! hypercall, which must leave the virtual interrupt flag alone; the page
//! fault, whose address a Guest finds in memory; the timer, which has to wait
//! while that flag is off.
//!
//! Invariants: a call that this page does not answer panics (`perform`).
//!
//! Next on the tour: [`super::machine`].

use core::arch::naked_asm;
use core::sync::atomic::{AtomicBool, Ordering};

use abi::hypercall::*;
use abi::lguest_data::{BLOCKED_INTERRUPTS, CR2, IF, IRQ_ENABLED, RING_ENTRIES, RING_FREE};
use abi::{GuestLinear, GuestPhys, Nanos};

use super::{descriptors, machine};
use crate::frames::read_phys;
use crate::gate::{Gate, GateKind};
use crate::segment_descriptor::{SegmentDescriptor, TLS_INDEX};
use crate::traps::stub;
use crate::{interrupts, shared};

/// Vector of the page fault.
const PAGE_FAULT: u8 = 14;

/// The timer has fired and was not let in yet.
static RAISED: AtomicBool = AtomicBool::new(false);
/// The slot of the ring of queued calls that is looked at next.
static CURSOR: crate::local::Local<usize> = crate::local::Local::new(0);

/// Registers as `pushad` leaves them.
#[repr(C)]
struct Registers {
    edi: u32,
    esi: u32,
    ebp: u32,
    esp: u32,
    ebx: u32,
    edx: u32,
    ecx: u32,
    eax: u32,
}

/// Opens the door that the first hypercall goes through.
pub(super) fn init() {
    descriptors::set_gate(HYPERCALL_VECTOR, Gate::new(GateKind::Interrupt, 0, address(entry), 0));
}

extern "C" fn answer(registers: &Registers) {
    drain_ring();
    perform(registers.eax, [registers.ebx, registers.ecx, registers.edx]);
    deliver();
}

fn drain_ring() {
    loop {
        let slot = CURSOR.get();
        if shared::hcall_status(slot).load(Ordering::Acquire) == RING_FREE {
            return;
        }
        let word = |place: usize| shared::hcall(slot)[place].load(Ordering::Relaxed);
        perform(word(0), [1, 2, 3].map(word));
        shared::hcall_status(slot).store(RING_FREE, Ordering::Release);
        CURSOR.set((slot + 1) % RING_ENTRIES);
    }
}

fn perform(number: u32, [a, b, c]: [u32; 3]) {
    match number {
        LHCALL_FLUSH_ASYNC | LHCALL_SEND_INTERRUPTS => {}
        LHCALL_NEW_PGTABLE => machine::load_root(GuestPhys(a)),
        LHCALL_SET_PTE => machine::forget_page(GuestLinear(b)),
        LHCALL_SET_PGD | LHCALL_FLUSH_TLB => machine::forget_all(),
        LHCALL_LOAD_IDT_ENTRY => load_gate(a as u8, Gate { low: b, high: c }),
        LHCALL_LOAD_GDT_ENTRY => descriptors::set_segment(a as usize, SegmentDescriptor { low: b, high: c }),
        LHCALL_LOAD_TLS => load_tls(GuestPhys(a)),
        LHCALL_SET_STACK => descriptors::set_trap_stack(b),
        LHCALL_TS => machine::set_ts(a != 0),
        LHCALL_SET_CLOCKEVENT => machine::set_alarm(Nanos(a.into())),
        LHCALL_HALT => halt(),
        LHCALL_NOTIFY => print(GuestPhys(a)),
        LHCALL_SHUTDOWN => {
            print(GuestPhys(a));
            machine::send(b'\n');
            machine::end()
        }
        unknown => panic!("the bare machine has no answer to hypercall {unknown}"),
    }
}

fn address(front: extern "C" fn() -> !) -> u32 {
    front as usize as u32
}

/// Loads a gate; where it leads to the kit's stub, by way of the front of that vector if it has one.
fn load_gate(vector: u8, gate: Gate) {
    let offset = gate.high & 0xFFFF_0000 | gate.low & 0xFFFF;
    let offset = match vector {
        HYPERCALL_VECTOR => return,
        PAGE_FAULT if offset == stub(vector) => address(page_fault),
        FIRST_IRQ_VECTOR if offset == stub(vector) => address(timer),
        _ => offset,
    };
    let low = gate.low & 0xFFFF_0000 | offset & 0xFFFF;
    descriptors::set_gate(vector, Gate { low, high: offset & 0xFFFF_0000 | gate.high & 0xFFFF });
}

fn load_tls(table: GuestPhys) {
    for slot in 0..3 {
        let at = table.0 + 8 * slot;
        // SAFETY: the caller's table is in the image, mapped, and lent for the call.
        let (low, high) = unsafe { (read_phys(GuestPhys(at)), read_phys(GuestPhys(at + 4))) };
        descriptors::set_segment((TLS_INDEX + slot) as usize, SegmentDescriptor { low, high });
    }
}

fn print(text: GuestPhys) {
    for at in text.0.. {
        // SAFETY: text ends with a NUL before the mapped memory does, or was never meant for us.
        let word = unsafe { read_phys(GuestPhys(at & !3)) };
        match word.to_le_bytes()[at as usize % 4] {
            0 => return,
            byte => machine::send(byte),
        }
    }
}

/// Runs the timer's handler if it is due and welcome.
fn deliver() {
    let welcome = shared::irq_enabled().load(Ordering::Relaxed) & IF != 0
        && shared::blocked_interrupts().load(Ordering::Relaxed) & 1 == 0;
    if welcome && RAISED.swap(false, Ordering::Relaxed) {
        shared::irq_pending_unless_a().store(0, Ordering::Relaxed);
        shared::irq_enabled().store(0, Ordering::Relaxed);
        interrupts::dispatch(0, 0);
        shared::irq_enabled().store(IF, Ordering::Relaxed);
    }
}

fn halt() {
    shared::irq_enabled().store(0, Ordering::Relaxed); // the timer's front only notes it then
    while !RAISED.load(Ordering::Relaxed) {
        machine::sleep();
    }
    shared::irq_enabled().store(IF, Ordering::Relaxed);
}

/// Where `int 0x1f` arrives.
#[unsafe(naked)]
extern "C" fn entry() -> ! {
    naked_asm!("pushad", "push esp", "call {answer}", "add esp, 4", "popad", "iretd", answer = sym answer)
}

/// In front of vector 14: puts CR2 where a Guest looks for it.
#[unsafe(naked)]
extern "C" fn page_fault() -> ! {
    naked_asm!(
        "push eax",
        "mov eax, cr2",
        "mov [{DATA} + {CR2}], eax",
        "pop eax",
        "jmp trap_stubs + 14 * 16",
        DATA = sym shared::DATA,
        CR2 = const CR2,
    )
}

/// In front of the timer's vector: acknowledges, and lets it through only if it is welcome.
#[unsafe(naked)]
extern "C" fn timer() -> ! {
    naked_asm!(
        "push eax",
        "mov al, 0x20", // end of interrupt
        "out 0x20, al",
        "pop eax",
        "test dword ptr [{DATA} + {BLOCKED}], 1",
        "jnz 2f",
        "test dword ptr [{DATA} + {ENABLED}], {IF}",
        "jz 2f",
        "mov dword ptr [{DATA} + {ENABLED}], 0",
        "jmp trap_stubs + 32 * 16",
        "2: mov byte ptr [{RAISED}], 1",
        "mov dword ptr [{DATA} + {PENDING}], {IF}",
        "iretd",
        DATA = sym shared::DATA,
        RAISED = sym RAISED,
        BLOCKED = const BLOCKED_INTERRUPTS,
        ENABLED = const IRQ_ENABLED,
        PENDING = const shared::IRQ_PENDING,
        IF = const IF,
    )
}
