//! GDT, IDT and TSS of the bare machine.
//!
//! The slots are those of a Guest. Code in slot 12 is for ring 0 here, data in
//! slot 13 still for ring 1: ring 0 may load that as DS, so the stubs need not
//! know. Only the stack segment must match the ring exactly and gets a slot of
//! its own.
//!
//! ```text
//!   2 stack | 6 7 8 TLS | 12 code, ring 0 | 13 data | 14 15 user | 16 TSS
//! ```
//!
//! Source: Intel SDM Vol. 3, 5.5 "Privilege Levels" and 7.2.1 "Task-State
//! Segment (TSS)".
//!
//! Next on the tour: [`super::calls`].

use core::arch::asm;

use crate::gate::Gate;
use crate::local::Local;
use crate::segment_descriptor::{KERNEL_CODE, KERNEL_DATA, SegmentDescriptor, USER_CODE, USER_DATA};

/// Selector of the ring-0 stack.
pub const STACK: u16 = 2 << 3;
/// Selector of the ring-0 code: a Guest's, without the ring.
pub const CODE: u16 = KERNEL_CODE & !3;
const TASK: u16 = 16 << 3;

/// Entries of the GDT, as many as a Guest has.
const GDT_ENTRIES: usize = 32;
const IDT_ENTRIES: usize = 256;

/// The fields of a TSS that ring changes use: the ring-0 stack. Nothing is ever switched to.
#[repr(C)]
struct Tss {
    link: u32,
    esp0: u32,
    ss0: u32,
    unused: [u32; 22],
    io_map: u32,
}

const _: () = assert!(size_of::<Tss>() == 104);

/// What LGDT and LIDT take.
#[repr(C, packed)]
struct Pointer {
    limit: u16,
    base: u32,
}

struct Tables {
    gdt: [SegmentDescriptor; GDT_ENTRIES],
    idt: [Gate; IDT_ENTRIES],
    tss: Tss,
}

static TABLES: Local<Tables> = Local::new(Tables {
    gdt: [SegmentDescriptor::ABSENT; GDT_ENTRIES],
    idt: [Gate::ABSENT; IDT_ENTRIES],
    tss: Tss { link: 0, esp0: 0, ss0: STACK as u32, unused: [0; 22], io_map: 104 << 16 },
});

/// Fills the tables with what there must be and gives them to the CPU.
pub(super) fn load() {
    TABLES.with(|tables| {
        let slot = |selector: u16| usize::from(selector >> 3);
        tables.gdt[slot(STACK)] = SegmentDescriptor::flat_data(0);
        tables.gdt[slot(CODE)] = SegmentDescriptor::flat_code(0);
        tables.gdt[slot(KERNEL_DATA)] = SegmentDescriptor::flat_data(1);
        tables.gdt[slot(USER_CODE)] = SegmentDescriptor::flat_code(3);
        tables.gdt[slot(USER_DATA)] = SegmentDescriptor::flat_data(3);
        let tss = &raw const tables.tss as u32;
        tables.gdt[slot(TASK)] = SegmentDescriptor::task_state(tss, size_of::<Tss>() as u32);
        let gdt = Pointer { limit: size_of_val(&tables.gdt) as u16 - 1, base: tables.gdt.as_ptr() as u32 };
        let idt = Pointer { limit: size_of_val(&tables.idt) as u16 - 1, base: tables.idt.as_ptr() as u32 };
        // SAFETY: the tables live in a static and describe flat segments, as the loader's did, so
        // every pointer goes on meaning what it meant.
        unsafe { give_to_cpu(&gdt, &idt) };
    });
}

/// # Safety
/// Both tables stay where they are, and hold the slots named in the module's header.
unsafe fn give_to_cpu(gdt: &Pointer, idt: &Pointer) {
    // SAFETY: the function's own contract; the far return goes to the next line.
    unsafe {
        asm!(
            "lgdt [{gdt}]",
            "lidt [{idt}]",
            "push {CODE}",
            "lea {here}, [2f]",
            "push {here}",
            "retf",
            "2:",
            "mov ss, {stack:e}",
            "mov ds, {data:e}",
            "mov es, {data:e}",
            "mov fs, {null:e}",
            "mov gs, {null:e}",
            "ltr {task:x}",
            gdt = in(reg) gdt, idt = in(reg) idt, CODE = const CODE,
            stack = in(reg) u32::from(STACK), data = in(reg) u32::from(KERNEL_DATA),
            task = in(reg) u32::from(TASK), null = in(reg) 0u32,
            here = out(reg) _,
        );
    }
}

/// Puts `segment` into slot `index`, unless it is one the machine itself depends on.
pub(super) fn set_segment(index: usize, segment: SegmentDescriptor) {
    let ours = [STACK, CODE, KERNEL_DATA, TASK].map(|selector| usize::from(selector >> 3));
    if !ours.contains(&index) {
        TABLES.with(|tables| tables.gdt[index] = segment);
    }
}

/// Puts `gate` at `vector`, leading to ring 0.
pub(super) fn set_gate(vector: u8, gate: Gate) {
    let low = gate.low & 0xFFFF | u32::from(CODE) << 16;
    TABLES.with(|tables| tables.idt[usize::from(vector)] = Gate { low, high: gate.high });
}

/// Has traps from ring 3 arrive at `top`.
pub(super) fn set_trap_stack(top: u32) {
    TABLES.with(|tables| tables.tss.esp0 = top);
}
