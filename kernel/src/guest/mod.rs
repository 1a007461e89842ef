//! A Guest: everything the Host keeps for one.
//!
//! Its memory, its registers between two turns, what it loaded (GDT, IDT,
//! stack), what waits for it (interrupts, a clock event), its shadow tables
//! and its trace. Each part knows its own rules; this file only holds them
//! together.
//!
//! Next on the tour: [`crate::cpu`].

pub mod debug_registers;
pub mod debugger;
pub mod exits;
pub mod idt;
pub mod init;
pub mod interrupts;
pub mod reading;
pub mod segment;
pub mod shared;

use alloc::boxed::Box;

use abi::{Dialect, GuestMemory, GuestPhys, HostPhys, KillReason, Nanos};
use switcher::GuestRegs;

use crate::cpu::GuestId;
use crate::guest::debug_registers::DebugRegisters;
use crate::guest::debugger::Debugger;
use crate::guest::exits::Exits;
use crate::guest::idt::GuestIdt;
use crate::guest::init::Preparation;
use crate::guest::interrupts::Interrupts;
use crate::guest::reading::Landing;
use crate::guest::segment::{Gdt, KERNEL_CS, KERNEL_DS};
use crate::guest::shared::Shared;
use crate::hypercall::call::Instruction;
use crate::shadow::Shadow;
use crate::shadow::pool::Pool;
use crate::trace::Trace;
use crate::trace::event::Event;
use crate::trace::feed::SharedFeed;

/// EFLAGS a Guest starts with: IF and the bit that is always one.
const FIRST_EFLAGS: u32 = 0x202;

/// One Guest, over memory `M`.
#[repr(C)]
pub struct Guest<M> {
    /// What it did last. The first field, so that each event is found with one addition less.
    pub trace: Trace,
    /// Who it is, for CPUs to remember.
    pub id: GuestId,
    /// Its memory.
    pub memory: M,
    /// Its registers, while it is not running.
    pub regs: GuestRegs,
    /// What need not be found out about it.
    pub dialect: Dialect,
    /// Its `lguest_data`, once it has said where.
    pub shared: Option<Shared>,
    /// Its segments.
    pub gdt: Gdt,
    /// Its gates.
    pub idt: GuestIdt,
    /// SS and ESP of its ring-1 stack.
    pub stack: (u32, u32),
    /// What waits to be delivered.
    pub interrupts: Interrupts,
    /// When its timer fires.
    pub clock_event: Option<Nanos>,
    /// Its page tables as the CPU sees them.
    pub shadow: Shadow,
    /// Its virtual CR0.TS.
    pub task_switched: bool,
    /// What keeps it from being entered just like that.
    pub before_entry: BeforeEntry,
    /// A hypercall has been made, by this instruction, and not yet been obeyed.
    pub calling: Option<Instruction>,
    /// An INIT that is not done.
    pub preparation: Option<Box<Preparation>>,
    /// It has stopped to read what the Launcher answers, and this is where the value goes.
    pub reading: Option<Landing>,
    /// A #DB is due, about these bits of DR6: an instruction was performed for it while it was
    /// single-stepping, or not performed because it touches debug registers.
    pub owed_causes: u32,
    /// Its debug registers.
    pub debug_registers: DebugRegisters,
    /// Who debugs it.
    pub debugger: Option<Box<Debugger>>,
    /// It has a breakpoint of its own, or a debugger: it runs by way of [`crate::debug::run`]'s other
    /// branch.
    pub is_debugged: bool,
    /// It has not run since it was (re)started.
    pub is_fresh: bool,
    /// Why it will not run again before a reset.
    pub killed: Option<KillReason>,
    /// How often it left, and why, since it was (re)started.
    pub exits: Exits,
}

/// What has to be looked at before a Guest is entered: usually nothing, and that takes one look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BeforeEntry(u8);

impl BeforeEntry {
    const HALTED: u8 = 1;
    const WATCHED: u8 = 2;

    /// Whether there is nothing.
    #[inline]
    pub const fn is_nothing(self) -> bool {
        self.0 == 0
    }

    /// It sleeps until an interrupt.
    pub const fn is_halted(self) -> bool {
        self.0 & Self::HALTED != 0
    }

    /// Sends it to sleep, or wakes it.
    pub const fn set_halted(&mut self, halted: bool) {
        self.0 = if halted { self.0 | Self::HALTED } else { self.0 & !Self::HALTED };
    }

    /// Somebody listens to its trace.
    pub const fn is_watched(self) -> bool {
        self.0 & Self::WATCHED != 0
    }
}

impl<M: GuestMemory> Guest<M> {
    /// From now on `feed` is told what the Guest does; the TSC stands at `now`.
    pub fn watch(&mut self, feed: SharedFeed, now: u64) {
        self.before_entry.0 |= BeforeEntry::WATCHED;
        self.trace.watch(feed, now);
    }

    /// A Guest whose memory begins at Host-physical `base`, with shadow tables from `pool`. It is
    /// to be [`reset`](Guest::reset) before it runs.
    pub fn new(id: GuestId, memory: M, base: HostPhys, pool: Pool) -> Self {
        Self {
            id,
            memory,
            regs: first_regs(GuestPhys(0)),
            dialect: Dialect::default(),
            shared: None,
            gdt: Gdt::default(),
            idt: GuestIdt::default(),
            stack: (0, 0),
            interrupts: Interrupts::default(),
            clock_event: None,
            shadow: Shadow::new(pool, base),
            task_switched: false,
            before_entry: BeforeEntry::default(),
            calling: None,
            preparation: None,
            reading: None,
            owed_causes: 0,
            debug_registers: DebugRegisters::default(),
            debugger: None,
            is_debugged: false,
            is_fresh: true,
            killed: None,
            trace: Trace::default(),
            exits: Exits::default(),
        }
    }

    /// Ends the read the Guest is in, if it is in one, with the low bytes of `value`.
    pub fn answer(&mut self, value: u32) {
        if let Some(landing) = self.reading.take() {
            landing.land(&mut self.regs, value);
        }
    }

    /// Makes an interrupt line pending.
    pub fn raise(&mut self, line: u8) {
        self.trace.note(Event::Raise { line });
        self.interrupts.raise(line);
    }

    /// The state a Guest starts in, at `entry`. Memory and trace are left alone.
    pub fn reset(&mut self, entry: GuestPhys) {
        self.regs = first_regs(entry);
        self.shared = None;
        self.gdt = Gdt::default();
        self.idt = GuestIdt::default();
        self.stack = (0, 0);
        self.interrupts = Interrupts::default();
        self.clock_event = None;
        self.shadow.reset();
        self.task_switched = false;
        self.before_entry.set_halted(false);
        self.calling = None;
        self.preparation = None;
        self.reading = None;
        self.owed_causes = 0;
        self.debug_registers = DebugRegisters::default();
        self.is_debugged = false;
        if let Some(debugger) = &mut self.debugger {
            debugger.start_again();
            self.idt.keep_all(true);
            self.is_debugged = true;
        }
        self.is_fresh = true;
        self.killed = None;
        self.exits = Exits::default();
    }
}

/// Registers at the start: ring 1, flat segments, ESI at the boot parameters.
fn first_regs(entry: GuestPhys) -> GuestRegs {
    GuestRegs {
        eip: entry.0,
        cs: KERNEL_CS,
        ds: KERNEL_DS,
        es: KERNEL_DS,
        ss: KERNEL_DS,
        eflags: FIRST_EFLAGS,
        ..GuestRegs::ZERO
    }
}
