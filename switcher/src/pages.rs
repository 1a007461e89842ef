//! The three pages a CPU brings to every switch.
//!
//! | page    | in a Guest | holds                                             |
//! |---------|------------|---------------------------------------------------|
//! | stack   | read-write | the Guest's registers, below them room for a stack |
//! | state   | read-only  | Guest GDT, Guest IDT, TSS, the CR3 to return to    |
//! | private | absent     | Host GDT, Host IDT, Host ESP, double-fault TSS     |
//!
//! ESP0 of the TSS is the end of the stack page, so whatever interrupts the
//! Guest fills in [`GuestRegs`] from the top, and the switch finds all three
//! pages by rounding ESP down.
//!
//! One TSS stays loaded for good: in the Host the CPU reads nothing from it,
//! since nothing there changes rings. That saves two `ltr` on each round trip.
//!
//! Invariants: sizes and places are asserted below.
//!
//! Next on the tour: `switch.S`.

use core::mem::offset_of;

use abi::PAGE_SIZE;

use crate::descriptor::{
    FLAT_CODE_RING_0, FLAT_DATA_RING_0, GDT_ENTRIES, IDT_ENTRIES, TablePointer, Tss, interrupt_gate,
    ldt_descriptor, tss_descriptor,
};
use crate::{
    DOUBLE_FAULT_TSS_SELECTOR, GuestRegs, HOST_CS, HOST_DS, LDT_SELECTOR, TSS_SELECTOR, stub_address,
};

/// What a Guest's page tables allow it to do with a page of the Switcher.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GuestAccess {
    /// Present, supervisor, writable.
    ReadWrite,
    /// Present, supervisor, read-only.
    ReadOnly,
    /// Not present.
    Absent,
}

/// A page of the Switcher; its type decides its rights.
pub trait SwitcherPage {
    /// What a Guest may do with it.
    const GUEST: GuestAccess;
}

/// Bytes of a stack page above which the registers begin, and below the counter.
const STACK_ROOM: usize = PAGE_SIZE as usize - size_of::<GuestRegs>() - size_of::<u32>();

/// Words of the stack that is in use while debug registers are and the Host's is not: six for the
/// switch, the others for an NMI and what may come on top of it.
pub(crate) const WATCHED_STACK: usize = 32;

/// Registers of the Guest that runs, and a little stack below them.
///
/// The Guest may write here while it runs. Nothing is believed but [`GuestRegs`] as an exit has
/// just filled it in.
#[repr(C, align(4096))]
pub struct StackPage {
    /// NMIs that came while the CPU was in the middle of a switch. A Guest can forge it: a hint.
    pub nmis: u32,
    room: [u8; STACK_ROOM],
    /// The registers.
    pub regs: GuestRegs,
}

/// What the CPU itself needs while a Guest runs.
#[repr(C, align(4096))]
pub struct StatePage {
    /// The page directory to return to.
    pub host_cr3: u32,
    /// Operand of `lgdt` on the way in.
    pub guest_gdtr: TablePointer,
    /// Operand of `lidt` on the way in.
    pub guest_idtr: TablePointer,
    /// The TSS: ESP0 leads to the stack page, ESP1 to the Guest's own kernel stack.
    pub tss: Tss,
    /// The IDT in force while the Guest runs.
    pub idt: [u64; IDT_ENTRIES],
    /// The GDT in force while the Guest runs.
    pub gdt: [u64; GDT_ENTRIES],
}

/// What the CPU needs to be the Host again.
#[repr(C, align(4096))]
pub struct PrivatePage {
    /// ESP of the Host inside [`crate::enter`].
    pub host_esp: u32,
    /// A little stack for [`crate::enter_watched`], out of reach of any breakpoint.
    pub watched_stack: [u32; WATCHED_STACK],
    /// Operand of `lgdt` on the way out.
    pub host_gdtr: TablePointer,
    /// Operand of `lidt` on the way out.
    pub host_idtr: TablePointer,
    /// The TSS of the Host's double-fault task gate.
    pub double_fault_tss: Tss,
    /// The Host's IDT.
    pub idt: [u64; IDT_ENTRIES],
    /// The Host's GDT.
    pub gdt: [u64; GDT_ENTRIES],
}

/// A CPU's pages, in the order they are mapped.
#[repr(C)]
pub struct SwitcherPages {
    /// Read-write in the Guest.
    pub stack: StackPage,
    /// Read-only in the Guest.
    pub state: StatePage,
    /// Absent in the Guest.
    pub private: PrivatePage,
}

impl SwitcherPage for StackPage {
    const GUEST: GuestAccess = GuestAccess::ReadWrite;
}

impl SwitcherPage for StatePage {
    const GUEST: GuestAccess = GuestAccess::ReadOnly;
}

impl SwitcherPage for PrivatePage {
    const GUEST: GuestAccess = GuestAccess::Absent;
}

const _: () = {
    assert!(size_of::<StackPage>() == PAGE_SIZE as usize);
    assert!(size_of::<StatePage>() == PAGE_SIZE as usize);
    assert!(size_of::<PrivatePage>() == PAGE_SIZE as usize);
    assert!(size_of::<SwitcherPages>() < crate::CPU_STRIDE as usize);
    assert!(offset_of!(SwitcherPages, stack.regs) + size_of::<GuestRegs>() == PAGE_SIZE as usize);
    assert!(offset_of!(SwitcherPages, state) == PAGE_SIZE as usize);
};

impl SwitcherPages {
    /// Pages with empty Guest tables, every Guest vector leading to its stub, and a Host GDT.
    ///
    /// `at` is the linear address they are mapped at ([`crate::pages_address`]), `host_cr3` the
    /// Host's page directory. Left to the boot code: the Host's IDT and the rest of the
    /// double-fault TSS, then `lgdt`, `lidt`, `ltr` and `lldt` of the `private` page's tables.
    pub const fn new(at: u32, host_cr3: u32) -> Self {
        let state = at + offset_of!(Self, state) as u32;
        let private = at + offset_of!(Self, private) as u32;
        let stack = StackPage { nmis: 0, room: [0; STACK_ROOM], regs: GuestRegs::ZERO };
        let tss = Tss { esp0: state, ss0: HOST_DS as u32, ..Tss::EMPTY };
        let state = StatePage {
            host_cr3,
            guest_gdtr: TablePointer::new(state + offset_of!(StatePage, gdt) as u32, GDT_ENTRIES),
            guest_idtr: TablePointer::new(state + offset_of!(StatePage, idt) as u32, IDT_ENTRIES),
            tss,
            idt: stub_gates(),
            gdt: switcher_gdt(),
        };
        let mut gdt = switcher_gdt();
        gdt[TSS_SELECTOR as usize / 8] = tss_descriptor(at + offset_of!(Self, state.tss) as u32);
        // The null descriptor of the Guest's GDT, which nobody can change, is all there is in the LDT.
        gdt[LDT_SELECTOR as usize / 8] = ldt_descriptor(at + offset_of!(Self, state.gdt) as u32);
        gdt[DOUBLE_FAULT_TSS_SELECTOR as usize / 8] =
            tss_descriptor(at + offset_of!(Self, private.double_fault_tss) as u32);
        let private = PrivatePage {
            host_esp: 0,
            watched_stack: [0; WATCHED_STACK],
            host_gdtr: TablePointer::new(private + offset_of!(PrivatePage, gdt) as u32, GDT_ENTRIES),
            host_idtr: TablePointer::new(private + offset_of!(PrivatePage, idt) as u32, IDT_ENTRIES),
            double_fault_tss: Tss::EMPTY,
            idt: [0; IDT_ENTRIES],
            gdt,
        };
        Self { stack, state, private }
    }
}

/// The gate every vector has unless a Guest's own handler may be entered directly: into the
/// Switcher's stub, from ring 0 only.
pub const fn stub_gate(vector: u8, dpl: u8) -> u64 {
    interrupt_gate(HOST_CS, stub_address(vector), dpl)
}

const fn stub_gates() -> [u64; IDT_ENTRIES] {
    let mut gates = [0; IDT_ENTRIES];
    let mut vector = 0;
    while vector < IDT_ENTRIES {
        gates[vector] = stub_gate(vector as u8, 0);
        vector += 1;
    }
    gates[abi::hypercall::HYPERCALL_VECTOR as usize] = stub_gate(abi::hypercall::HYPERCALL_VECTOR, 1);
    gates
}

/// A GDT with nothing but the Switcher's own two segments.
pub const fn switcher_gdt() -> [u64; GDT_ENTRIES] {
    let mut gdt = [0; GDT_ENTRIES];
    gdt[HOST_CS as usize / 8] = FLAT_CODE_RING_0;
    gdt[HOST_DS as usize / 8] = FLAT_DATA_RING_0;
    gdt
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: u32 = crate::pages_address(0);

    #[test]
    fn esp0_is_where_the_registers_end() {
        let pages = SwitcherPages::new(AT, 0x1000);
        assert_eq!(pages.state.tss.esp0, AT + PAGE_SIZE);
    }

    #[test]
    fn only_the_hypercall_vector_is_open_to_ring_1() {
        let pages = SwitcherPages::new(AT, 0x1000);
        let open = |gate: &u64| gate >> 45 & 3 == 1;
        assert_eq!(pages.state.idt.iter().position(open), Some(0x1F));
        assert_eq!(pages.state.idt.iter().filter(|gate| open(gate)).count(), 1);
    }

    #[test]
    fn a_guest_sees_neither_the_private_page_nor_a_tss() {
        assert_eq!(PrivatePage::GUEST, GuestAccess::Absent);
        let pages = SwitcherPages::new(AT, 0x1000);
        assert_eq!(pages.state.gdt.iter().filter(|&&entry| entry != 0).count(), 2);
    }

    /// A CPU that has no LDT refuses every selector that asks for one; v86 looks at linear address 0.
    #[test]
    fn the_ldt_has_one_entry_and_that_is_null() {
        let pages = SwitcherPages::new(AT, 0x1000);
        let ldt = pages.private.gdt[LDT_SELECTOR as usize / 8];
        let base = (ldt >> 16 & 0x00FF_FFFF | ldt >> 56 << 24) as u32;
        assert_eq!((base, ldt & 0xFFFF), (AT + offset_of!(SwitcherPages, state.gdt) as u32, 7));
        assert_eq!((ldt >> 40 & 0xFF, pages.state.gdt[0]), (0x82, 0));
    }
}
