//! A CPU that plays scenes, and a Guest for it, through public doors only.
//!
//! Each entry is recorded as the CPU would see it: registers, tables, root. A
//! script that runs out ends the slice, so that `run` always comes back.
//!
//! Next on the tour: [`crate::descriptors`].

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use abi::boot_params::{E820_MAP, RAMDISK_SIZE};
use abi::hypercall::LHCALL_LGUEST_INIT;
use abi::lguest_data::{BLOCKED_INTERRUPTS, IF, IRQ_ENABLED, RING_ENTRIES, RING_FREE, RING_READY};
use abi::{GuestMemory, GuestPhys, GuestResult, HostPhys, Nanos, PAGE_SIZE, Variant};
use kernel::cpu::{Attention, Cpu, GuestId, Left};
use kernel::guest::Guest;
use switcher::descriptor::{GDT_ENTRIES, IDT_ENTRIES};
use switcher::{GuestRegs, SwitcherPages, pages_address};

use crate::hardware::{GUEST_BASE, Hardware, SWITCHER_TABLES};
use crate::ram::Ram;

/// Vector of the interrupt that ends a slice; so does any even one.
pub const END_OF_SLICE: u32 = 0x20;
/// Where a Guest's `lguest_data` lies.
pub const DATA_AT: u32 = 0x3000;
/// Where a Guest begins.
pub const ENTRY: GuestPhys = GuestPhys(0x1000);

/// Memory that the Guest's scenes and the Host share.
#[derive(Clone)]
pub struct SharedRam(pub Rc<RefCell<Ram>>);

impl GuestMemory for SharedRam {
    fn limit(&self) -> u32 {
        self.0.borrow().limit()
    }

    fn read_into(&self, at: GuestPhys, into: &mut [u8]) -> GuestResult {
        self.0.borrow().read_into(at, into)
    }

    fn write_from(&mut self, at: GuestPhys, from: &[u8]) -> GuestResult {
        self.0.borrow_mut().write_from(at, from)
    }

    fn zero(&mut self, at: GuestPhys, len: u32) -> GuestResult {
        self.0.borrow_mut().zero(at, len)
    }
}

/// A Guest of `limit` bytes that has just been loaded, with shadows from `hardware`.
pub fn new_guest(
    id: u32,
    limit: u32,
    hardware: Hardware,
    kernel_address: u32,
    variant: Variant,
) -> Guest<SharedRam> {
    let ram = SharedRam(Rc::new(RefCell::new(Ram::new(limit))));
    let mut guest = Guest::new(GuestId(id), ram, GUEST_BASE, hardware.pool());
    restart(&mut guest, kernel_address, variant);
    guest
}

/// Starts a Guest again, with `lguest_data` and memory map as its kernel would find them.
pub fn restart(guest: &mut Guest<SharedRam>, kernel_address: u32, variant: Variant) {
    guest.reset(ENTRY);
    let ram = &mut *guest.memory.0.borrow_mut();
    let layout = variant.layout();
    ram.0[DATA_AT as usize..][..layout.size as usize].fill(0);
    ram.set_word(DATA_AT + IRQ_ENABLED, IF);
    ram.set_word(DATA_AT + BLOCKED_INTERRUPTS, 1);
    ram.set_word(DATA_AT + layout.kernel_address, kernel_address);
    ram.set_word(DATA_AT + layout.kernel_address + 4, 0x80);
    ram.0[(DATA_AT + layout.hcall_status) as usize..][..RING_ENTRIES].fill(RING_FREE);
    let whole_pages = ram.0.len() as u32 / PAGE_SIZE * PAGE_SIZE;
    ram.set_word(E820_MAP + 8, whole_pages);
    ram.set_word(RAMDISK_SIZE, 0);
}

/// The first call of all, with its argument where each variant looks for it.
pub const INIT: [u32; 5] = [LHCALL_LGUEST_INIT, DATA_AT, 0, DATA_AT, 0];

/// Puts a call into entry `slot` of the ring, as its kernel does.
pub fn queue(ram: &SharedRam, variant: Variant, slot: u32, call: [u32; 5]) {
    let ram = &mut *ram.0.borrow_mut();
    let (layout, slot) = (variant.layout(), slot % RING_ENTRIES as u32);
    for (offset, word) in (0..layout.hcall_len).step_by(4).zip(call) {
        ram.set_word(DATA_AT + layout.hcalls + slot * layout.hcall_len + offset, word);
    }
    ram.0[(DATA_AT + layout.hcall_status + slot) as usize] = RING_READY;
}

/// What the CPU had in force when a Guest was entered.
pub struct Entered {
    pub guest: GuestId,
    pub root: HostPhys,
    pub regs: GuestRegs,
    pub gdt: [u64; GDT_ENTRIES],
    pub idt: [u64; IDT_ENTRIES],
    /// SS1 and ESP1.
    pub stack: (u32, u32),
    /// SS0 and ESP0.
    pub switcher_stack: (u32, u32),
}

/// What a Guest does between an entry and its exit: changes registers, gives CR2.
pub type Scene = Box<dyn FnOnce(&mut GuestRegs) -> u32>;

/// The CPU.
pub struct ScriptedCpu {
    pages: Box<SwitcherPages>,
    pub scenes: VecDeque<Scene>,
    pub entered: Vec<Entered>,
    /// The time; it passes at each entry, by this much.
    pub time: Nanos,
    pub step: Nanos,
    ran_last: Option<GuestId>,
}

impl ScriptedCpu {
    /// A CPU without a script.
    pub fn new() -> Self {
        Self {
            pages: Box::new(SwitcherPages::new(pages_address(0), 0)),
            scenes: VecDeque::new(),
            entered: Vec::new(),
            time: Nanos(0),
            step: Nanos(1_000),
            ran_last: None,
        }
    }

    /// Adds a scene in which the Guest makes a hypercall.
    pub fn call(&mut self, [number, a, b, c, d]: [u32; 5]) {
        self.scenes.push_back(Box::new(move |regs| {
            (regs.trapnum, regs.errcode, regs.eax) = (0x1F, 0, number);
            (regs.ebx, regs.ecx, regs.edx, regs.esi) = (a, b, c, d);
            0
        }));
    }
}

impl Cpu for ScriptedCpu {
    fn pages(&mut self) -> &mut SwitcherPages {
        &mut self.pages
    }

    fn enter(&mut self, root: HostPhys) -> Left {
        let state = &self.pages.state;
        self.entered.push(Entered {
            guest: self.ran_last.expect("a Guest boards before it is entered"),
            root,
            regs: self.pages.stack.regs,
            gdt: state.gdt,
            idt: state.idt,
            stack: (state.tss.ss1, state.tss.esp1),
            switcher_stack: (state.tss.ss0, state.tss.esp0),
        });
        self.time = self.time.after(self.step);
        let regs = &mut self.pages.stack.regs;
        (regs.trapnum, regs.errcode) = (END_OF_SLICE, 0);
        let cr2 = self.scenes.pop_front().map_or(0, |scene| scene(regs));
        Left { cr2, tsc: self.time.0 as u32 }
    }

    fn enter_watched(&mut self, root: HostPhys, _addresses: [u32; 4], _control: u32) -> Left {
        self.enter(root)
    }

    fn debug_status(&mut self) -> u32 {
        0
    }

    fn switcher_table(&self) -> HostPhys {
        SWITCHER_TABLES[0]
    }

    fn now_runs(&mut self, guest: GuestId, _is_fresh: bool) -> Option<GuestId> {
        self.ran_last.replace(guest)
    }

    fn interrupt(&mut self, vector: u8) -> Attention {
        if vector.is_multiple_of(2) { Attention::Wanted } else { Attention::GoOn }
    }

    fn nmi(&mut self) {}

    fn has_machine_check(&mut self) -> bool {
        false
    }

    fn tsc(&mut self) -> u64 {
        self.time.0
    }

    fn now(&mut self) -> Nanos {
        self.time
    }

    fn wall_clock(&mut self) -> (u32, u32) {
        (1_000, 5)
    }

    fn tsc_khz(&self) -> u32 {
        1_000_000
    }

    fn wake_at(&mut self, _at: Nanos) {}

    fn slice_is_over(&mut self) -> bool {
        false
    }

    fn set_task_switched(&mut self, _on: bool) {}
}
