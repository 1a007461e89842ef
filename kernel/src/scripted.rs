//! A CPU that follows a script, and memory made of bytes: the run loop's test bench.

use std::collections::VecDeque;

use abi::lguest_data::{IF, NoIrqField, RING_ENTRIES, RING_FREE};
use abi::{GuestMemory, GuestPhys, GuestResult, HostPhys, Nanos, Stop, Variant};
use switcher::{GuestRegs, SwitcherPages, pages_address};

use crate::cpu::{Attention, Cpu, GuestId, Left};
use crate::guest::Guest;
use crate::run::run;
use crate::shadow::MIN_TABLES;
use crate::shadow::pool::pool_of;

/// Guest memory made of bytes.
pub struct Ram(Box<[u8]>);

impl Ram {
    /// `len` bytes, all zero.
    pub fn new(len: usize) -> Self {
        Self(vec![0; len].into_boxed_slice())
    }
}

impl GuestMemory for Ram {
    fn limit(&self) -> u32 {
        self.0.limit()
    }

    fn read_into(&self, at: GuestPhys, into: &mut [u8]) -> GuestResult {
        self.0.read_into(at, into)
    }

    fn write_from(&mut self, at: GuestPhys, from: &[u8]) -> GuestResult {
        self.0.write_from(at, from)
    }

    fn zero(&mut self, at: GuestPhys, len: u32) -> GuestResult {
        self.0.zero(at, len)
    }
}

/// Where the tests keep `lguest_data`.
pub const LGUEST_DATA_AT: GuestPhys = GuestPhys(0x3000);
/// Where the tests' kernel begins.
pub const KERNEL: u32 = 0xC000_0000;

/// 64 KiB with a `lguest_data` of layout C as a Guest would have prepared it.
pub fn ram_with_lguest_data() -> Ram {
    ram_with_data_of(Variant::C)
}

/// 64 KiB with the `lguest_data` of a variant.
pub fn ram_with_data_of(variant: Variant) -> Ram {
    let mut ram = Ram::new(0x1_0000);
    let mut put = |offset, value| ram.write_u32(GuestPhys(LGUEST_DATA_AT.0 + offset), value).unwrap();
    let layout = variant.layout();
    put(4, 1);
    match layout.noirq {
        NoIrqField::Range(at) => {
            put(at, KERNEL + 0x100);
            put(at + 4, KERNEL + 0x104);
        }
        NoIrqField::Iret(at) => put(at, KERNEL + 0x100),
    }
    put(layout.kernel_address, KERNEL);
    put(layout.kernel_address + 4, 0x80);
    let status = GuestPhys(LGUEST_DATA_AT.0 + layout.hcall_status);
    ram.write_from(status, &[RING_FREE; RING_ENTRIES]).unwrap();
    ram
}

/// What the script does in place of one turn of the Guest: changes registers, gives CR2.
pub type Scene = Box<dyn FnOnce(&mut SwitcherPages) -> u32>;

/// A CPU that plays scenes.
pub struct ScriptedCpu {
    pages: Box<SwitcherPages>,
    pub scenes: VecDeque<Scene>,
    pub time: Nanos,
    pub wake_at: Nanos,
    pub attention: Attention,
    /// When the slice is over; time only goes on when a test says so.
    pub slice_end: Nanos,
    /// How much later it is each time somebody asks.
    pub pace: Nanos,
    pub ran_last: Option<GuestId>,
    pub task_switched: bool,
    pub nmis: u32,
    /// Vectors of devices that were served.
    pub served: Vec<u8>,
    /// What the CPU's registers say of a machine check.
    pub machine_check: bool,
    /// The registers at each entry.
    pub entries: Vec<GuestRegs>,
    /// DR0 to DR3 and DR7 at each entry that had them.
    pub armed: Vec<([u32; 4], u32)>,
    /// What the next #DB is about.
    pub status: u32,
}

impl Default for ScriptedCpu {
    fn default() -> Self {
        Self {
            pages: Box::new(SwitcherPages::new(pages_address(0), 0)),
            scenes: VecDeque::new(),
            time: Nanos(0),
            wake_at: Nanos::NEVER,
            attention: Attention::GoOn,
            slice_end: Nanos::NEVER,
            pace: Nanos(0),
            ran_last: None,
            task_switched: false,
            nmis: 0,
            served: Vec::new(),
            machine_check: false,
            entries: Vec::new(),
            armed: Vec::new(),
            status: 0,
        }
    }
}

impl ScriptedCpu {
    /// Adds a scene that ends with trap `trapnum`, error code `code` and CR2 `cr2`.
    pub fn then(&mut self, trapnum: u32, code: u32, cr2: u32) -> &mut Self {
        self.scenes.push_back(Box::new(move |pages| {
            (pages.stack.regs.trapnum, pages.stack.regs.errcode) = (trapnum, code);
            cr2
        }));
        self
    }

    /// Adds a scene in which the Guest makes a hypercall.
    pub fn calls(&mut self, number: u32, args: [u32; 3]) -> &mut Self {
        self.scenes.push_back(Box::new(move |pages| {
            let regs = &mut pages.stack.regs;
            (regs.trapnum, regs.errcode, regs.eax) = (0x1F, 0, number);
            [regs.ebx, regs.ecx, regs.edx] = args;
            0
        }));
        self
    }
}

impl Cpu for ScriptedCpu {
    fn pages(&mut self) -> &mut SwitcherPages {
        &mut self.pages
    }

    fn enter(&mut self, _root: HostPhys) -> Left {
        self.entries.push(self.pages.stack.regs);
        let scene = self.scenes.pop_front().expect("the script ran out");
        let cr2 = scene(&mut self.pages);
        Left { cr2, tsc: self.time.0 as u32 }
    }

    fn enter_watched(&mut self, root: HostPhys, addresses: [u32; 4], control: u32) -> Left {
        self.armed.push((addresses, control));
        self.enter(root)
    }

    fn debug_status(&mut self) -> u32 {
        core::mem::take(&mut self.status)
    }

    fn switcher_table(&self) -> HostPhys {
        HostPhys(0x7000)
    }

    fn now_runs(&mut self, guest: GuestId, _is_fresh: bool) -> Option<GuestId> {
        self.ran_last.replace(guest)
    }

    fn interrupt(&mut self, vector: u8) -> Attention {
        self.served.push(vector);
        self.attention
    }

    fn nmi(&mut self) {
        self.nmis += 1;
    }

    fn has_machine_check(&mut self) -> bool {
        self.machine_check
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

    fn wake_at(&mut self, at: Nanos) {
        self.wake_at = at;
    }

    fn slice_is_over(&mut self) -> bool {
        self.time = self.time.after(self.pace);
        self.time >= self.slice_end
    }

    fn set_task_switched(&mut self, on: bool) {
        self.task_switched = on;
    }
}

/// A Guest that has not begun.
pub fn new_guest(id: u32) -> Guest<Ram> {
    let pool = pool_of(MIN_TABLES, HostPhys(0x0400_0000));
    let mut guest = Guest::new(GuestId(id), ram_with_lguest_data(), HostPhys(0x0080_0000), pool);
    guest.reset(GuestPhys(0x1000));
    guest
}

/// A Guest after INIT, with a stack and interrupts on, still in linear mode.
pub fn running_guest(cpu: &mut ScriptedCpu) -> Guest<Ram> {
    let mut guest = new_guest(1);
    cpu.calls(1, [LGUEST_DATA_AT.0, 0, 0]).calls(10, [0; 3]);
    assert_eq!(run(&mut guest, cpu), Stop::Halted(Nanos::NEVER));
    guest.before_entry.set_halted(false);
    guest.regs.esp = 0x8000;
    guest.memory.write_u32(LGUEST_DATA_AT, IF).unwrap();
    guest.memory.write_u32(GuestPhys(LGUEST_DATA_AT.0 + 4), 0).unwrap();
    guest
}
