//! The run loop with everything at random: exits, registers, memory, calls.
//!
//! A script of scenes, each of which may store to memory and ends with any
//! trap, is played by a Guest that has to be restarted each time it is killed.
//! Whatever happens:
//! - nothing panics, and `run` comes back: at most one entry for each scene,
//!   one for the interrupt that ends the slice, and a bounded number of events
//!   between two entries;
//! - each entry has IF set, IOPL, NT, RF and VM clear, CS and SS outside ring 0;
//! - each entry is on a root of the Guest's own, and all tables pass the audit;
//! - the dead stay dead, and can still be told of;
//! - a restart gives every table back.
//!
//! A machine check is left out: it is the machine's end, and panics on purpose.
//!
//! Next on the tour: the Launcher.

mod events;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use abi::boot_params::{E820_MAP, RAMDISK_SIZE};
use abi::hypercall::*;
use abi::lguest_data::{RING_ENTRIES, SWITCHER_BASE};
use abi::{Nanos, PAGE_SIZE, Stop, Variant};
use kernel::guest::Guest;
use kernel::inspect::post_mortem;
use kernel::inspect::post_mortem::Tsc;
use kernel::run::run;
use kernel::trace::event::{Kind, Kinds};
use kernel::trace::feed::{Feed, SharedFeed};
use kernel::trace::frame::Frame;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestCaseError;
use switcher::GuestRegs;

use crate::hardware::Hardware;
use crate::op;
use crate::script::{DATA_AT, Entered, INIT, Scene, ScriptedCpu, SharedRam, new_guest, queue, restart};
use crate::shape::{PAGES, Shape};
use crate::{Hex, config};
use events::{event, stores};

/// What its tables look like.
const SHAPE: Shape = Shape::TWO_LEVEL;
/// Bytes of memory: some pages, and not a whole number of them.
const LIMIT: u32 = PAGES * PAGE_SIZE + 0x800;
/// Events at most between two entries: an exit, a full ring, the call itself, an injection for the
/// exit and one for an interrupt, the timer's line raised, and the entry.
const EVENTS_AN_ENTRY: usize = 1 + RING_ENTRIES + 1 + 2 + 1 + 1;
/// More events than there are between two looks at them.
const ROOM: usize = 10_000;
/// EFLAGS that no Guest is entered with: IOPL, NT, RF, VM, VIF, VIP.
const NEVER: u32 = 3 << 12 | 1 << 14 | 1 << 16 | 1 << 17 | 1 << 19 | 1 << 20;
/// EFLAGS that each Guest is entered with: IF and the bit that is always one.
const ALWAYS: u32 = 1 << 9 | 1 << 1;

/// One thing that happens.
#[derive(Clone, Debug)]
enum Event {
    /// The Guest stores, then leaves with a trap.
    Trap { stores: Vec<(Hex, Hex)>, regs: [Hex; 6], trapnum: Hex, errcode: Hex, cr2: Hex },
    /// The Guest queues some calls, then makes one.
    Call { queued: Vec<[Hex; 5]>, call: [Hex; 5] },
    /// A device or the timer makes a line pending.
    Raise(u8),
    /// Time passes at each entry, this fast.
    Haste(u64),
    /// The Launcher runs the Guest until it stops.
    Run,
}

/// A store of the Guest's, if there is memory for it.
fn store_word(ram: &SharedRam, (at, word): (Hex, Hex)) {
    if at.0 <= LIMIT - 4 {
        ram.0.borrow_mut().set_word(at.0, word.0);
    }
}

/// Judges one entry.
fn judge(entered: &Entered, hardware: Hardware) -> Result<(), TestCaseError> {
    let GuestRegs { eflags, cs, ss, .. } = entered.regs;
    prop_assert!(eflags & NEVER == 0 && eflags & ALWAYS == ALWAYS, "entered with EFLAGS {eflags:#x}");
    prop_assert!(cs & 3 != 0 && ss & 3 != 0, "entered with CS {cs:#x} and SS {ss:#x}");
    prop_assert!(hardware.has_table(entered.root), "entered on the root {}", entered.root);
    Ok(())
}

/// A Guest, its Launcher, and who listens to its trace.
struct Life {
    guest: Guest<SharedRam>,
    hardware: Hardware,
    cpu: ScriptedCpu,
    kernel_address: u32,
    variant: Variant,
    /// What it stores before INIT.
    early: Vec<(Hex, Hex)>,
    feed: SharedFeed,
    slot: u32,
}

impl Life {
    fn new(tables: usize, kernel_address: u32, variant: Variant, early: Vec<(Hex, Hex)>) -> Self {
        let hardware = Hardware::new(tables);
        let mut guest = new_guest(1, LIMIT, hardware, kernel_address, variant);
        guest.shadow.set_device_limit(LIMIT + 2 * PAGE_SIZE);
        let feed = Rc::new(RefCell::new(Feed::new(Kinds::ALL, ROOM)));
        guest.watch(feed.clone(), 0);
        let mut life =
            Self { guest, hardware, cpu: ScriptedCpu::new(), kernel_address, variant, early, feed, slot: 0 };
        life.begin();
        life
    }

    /// Tables in memory, INIT in the script.
    fn begin(&mut self) {
        SHAPE.populate(&mut self.guest.memory.0.borrow_mut(), self.kernel_address);
        restart(&mut self.guest, self.kernel_address, self.variant);
        self.early.iter().for_each(|store| store_word(&self.guest.memory, *store));
        self.slot = 0;
        self.cpu.scenes.clear();
        self.cpu.call(INIT);
    }

    fn happen(&mut self, event: &Event) -> Result<(), TestCaseError> {
        match event.clone() {
            Event::Raise(line) => self.guest.interrupts.raise(line),
            Event::Haste(step) => self.cpu.step = Nanos(step),
            Event::Run => return self.run(),
            Event::Call { queued, call } => {
                let (ram, variant, first) = (self.guest.memory.clone(), self.variant, self.slot);
                self.slot = (self.slot + queued.len() as u32) % RING_ENTRIES as u32;
                let call = call.map(|word| word.0);
                self.scene(move |regs| {
                    for (slot, queued) in (first..).zip(queued) {
                        queue(&ram, variant, slot, queued.map(|word| word.0));
                    }
                    (regs.trapnum, regs.errcode, regs.eax) = (0x1F, 0, call[0]);
                    [regs.ebx, regs.ecx, regs.edx, regs.esi] = [call[1], call[2], call[3], call[4]];
                    0
                });
            }
            Event::Trap { stores, regs: given, trapnum, errcode, cr2 } => {
                let ram = self.guest.memory.clone();
                self.scene(move |regs| {
                    stores.iter().for_each(|store| store_word(&ram, *store));
                    (regs.trapnum, regs.errcode) = (trapnum.0, errcode.0);
                    [regs.eip, regs.cs, regs.eflags, regs.esp, regs.ss, regs.eax] = given.map(|word| word.0);
                    cr2.0
                });
            }
        }
        Ok(())
    }

    fn scene(&mut self, scene: impl FnOnce(&mut GuestRegs) -> u32 + 'static) {
        self.cpu.scenes.push_back(Box::new(scene) as Scene);
    }

    /// One call of the Launcher's.
    fn run(&mut self) -> Result<(), TestCaseError> {
        let most = self.cpu.scenes.len() + 1;
        let stop = run(&mut self.guest, &mut self.cpu);
        let entered = core::mem::take(&mut self.cpu.entered);
        prop_assert!(entered.len() <= most, "{} entries for {} scenes", entered.len(), most - 1);
        entered.iter().try_for_each(|entered| judge(entered, self.hardware))?;
        self.judge_progress(entered.len())?;
        // What it stored before INIT may be another address of its kernel.
        let told = self.guest.shared.as_ref().map_or(SWITCHER_BASE, |shared| shared.kernel_address);
        let first_shared = told.div_ceil(1 << 22);
        if !entered.is_empty() && self.guest.shadow.root_count() > 0 {
            self.hardware.audit(&self.guest.shadow, LIMIT, first_shared as usize)?;
        }
        match stop {
            Stop::Killed(reason) => self.bury(reason),
            Stop::Read { .. } => {
                self.guest.answer(0x1234_5678);
                Ok(())
            }
            Stop::Write { .. } | Stop::Notify(_) | Stop::Halted(_) | Stop::Preempted | Stop::Shutdown(_) => {
                Ok(())
            }
        }
    }

    /// Who listens learns all that happens to a Guest, and that is not too much.
    fn judge_progress(&mut self, entries: usize) -> Result<(), TestCaseError> {
        self.guest.trace.feed(self.cpu.time.0);
        let (mut happened, mut entered) = (0, 0);
        while let Some(frame) = self.feed.borrow_mut().frame(0) {
            let Frame::Events { events, .. } = frame else { panic!("{frame:?} of {ROOM}") };
            happened += events.len();
            entered += events.iter().filter(|(_, event)| event.kind() == Kind::Enter).count();
        }
        // It may be killed for its stack on the way in.
        prop_assert!((entries..=entries + 1).contains(&entered), "{} of {} entries told", entered, entries);
        prop_assert!(
            happened <= (entries + 1) * EVENTS_AN_ENTRY,
            "{} events in {} entries",
            happened,
            entries
        );
        Ok(())
    }

    /// The dead stay dead until they are started again.
    fn bury(&mut self, reason: abi::KillReason) -> Result<(), TestCaseError> {
        prop_assert_eq!(run(&mut self.guest, &mut self.cpu), Stop::Killed(reason));
        prop_assert!(self.cpu.entered.is_empty(), "a dead Guest was entered");
        let mut lines = 0;
        let at = Tsc { now: self.cpu.time.0, khz: 1_000_000 };
        post_mortem::tell(&self.guest, at, |line| lines += usize::from(!line.to_string().is_empty()));
        prop_assert!(lines > 6, "{lines} lines of post-mortem");
        let script: VecDeque<Scene> = core::mem::take(&mut self.cpu.scenes);
        self.begin();
        self.cpu.scenes.extend(script);
        self.check_empty()
    }

    fn check_empty(&self) -> Result<(), TestCaseError> {
        let (all, free) = self.guest.shadow.tables();
        prop_assert_eq!(free, all - 1, "tables leak");
        Ok(())
    }
}

proptest! {
    #![proptest_config(config(100))]

    #[test]
    fn whatever_a_guest_does_its_turn_ends_and_the_host_goes_on(
        tables in op::pool_size(SHAPE),
        kernel_address in op::kernel_address(),
        variant in select(&Variant::ALL),
        early in stores(),
        events in prop::collection::vec(event(), 1..40),
    ) {
        let mut life = Life::new(tables, kernel_address.0, variant, early);
        for (number, event) in events.iter().chain(&[Event::Run, Event::Run]).enumerate() {
            let in_event = |error| TestCaseError::fail(format!("event {number}, {event:x?}: {error}"));
            life.happen(event).map_err(in_event)?;
        }
        life.guest.shadow.reset();
        life.check_empty()?;
        life.hardware.give_back();
    }
}
