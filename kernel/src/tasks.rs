//! The Host at work: Guests made from what the loader brought, run in turn, and their ends told.
//!
//! Launcher and mind meet here, and only here. A task is a Guest and its
//! Launcher; the rota says whose turn it is, a slice says for how long.
//!
//! ```text
//!            +-----------------------------------------------+
//!            v                                               |
//!   rota: Run(task) --> begin slice --> Launcher::step --> note what it waits for
//!         Sleep(until) --> wait for an interrupt ----------> listen, wake all
//!         Done --> exit code
//! ```
//!
//! Invariants:
//! - What a bad line of configuration spoils is one Guest; the others run.
//! - A Guest that has ended has given its frames back before anybody else's
//!   turn.
//!
//! Next on the tour: [`crate::disks`].

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt;

use abi::{Nanos, Variant};
use kernel::cpu::GuestId;
use kernel::guest::Guest;
use kernel::host::boot_info::BootInfo;
use kernel::multiplexer::Multiplexer;
use kernel::multiplexer::scrollback::KEPT;
use kernel::sched::{Choice, Rota, State};
use kernel::usage::Life;
use launcher_task::config::{self, DiskPlan, Plan};
use launcher_task::device::Device;
use launcher_task::{BlockDevice, ConsoleSize, Launcher, Outcome, Ports, Step};

use crate::lan::{Lan, SECOND_LINE};
use crate::machine::enter::GuestCpu;
use crate::machine::entropy::Chance;
use crate::machine::memory::Memory;
use crate::machine::power::ExitCode;
use crate::machine::ram::GuestRam;
use crate::machine::{clock, console, nmi};
use crate::seat::{Seat, tell_post_mortem, tell_usage};
use crate::terminal::{Log, Terminal, Wire};
use crate::{disks, host};

/// Words the Host's own command line may have; those that end in `=` take a value.
const HOST_WORDS: &[&str] = &["console=", "debug-exit", "selftest=", "com2="];
/// How long a Guest runs while another one waits.
const SLICE: Nanos = Nanos::from_millis(10);
/// How long what was written may wait for the screen while Guests run.
const REFRESH: Nanos = Nanos::from_millis(20);
/// Bytes in a mebibyte.
const MIB: u32 = 1 << 20;
/// Shadow tables a Guest gets whatever its size, ...
const TABLES: u32 = 64;
/// ... and for each MiB it has.
const TABLES_PER_MIB: u32 = 4;

/// A Guest and its Launcher.
struct Task {
    name: String,
    launcher: Launcher<'static>,
    /// `None` once it has ended.
    guest: Option<Guest<GuestRam>>,
    /// What the person was told that the Guest speaks.
    told: Option<Variant>,
    /// The time it has used.
    life: Life,
}

/// What a Guest may read about the Host and the others.
struct About<'a> {
    tasks: &'a [Task],
    memory: &'a Memory,
}

impl fmt::Display for About<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let up = clock::now().0 / 1_000_000_000;
        writeln!(f, "up {up} s, {} of {} pages free\n", self.memory.free(), self.memory.total())?;
        for Task { name, guest, told, launcher, .. } in self.tasks {
            let state = if guest.is_some() { "runs" } else { "has ended" };
            write!(f, "guest {name}: {state}, {} MiB", launcher.plan().memory / MIB)?;
            match told {
                Some(variant) => writeln!(f, ", speaks the ABI of {variant}")?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}

/// All tasks, and what they share.
pub struct Tasks {
    tasks: Vec<Task>,
    memory: Memory,
    cpu: GuestCpu,
    chance: Chance,
    worst: ExitCode,
    /// The terminal; seats at it have the tasks' numbers.
    multiplexer: RefCell<Multiplexer>,
    nmis: u64,
    /// What time it is: looked up after each step.
    now: Nanos,
    /// When the screen was refreshed.
    refreshed: Nanos,
    lan: Lan,
}

impl Tasks {
    /// Makes a task of each Guest the loader brought; says what is wrong with the others.
    // Its frame is gone when they run, as it is no part of its caller.
    #[inline(never)]
    pub fn new(info: &mut BootInfo, mut memory: Memory, cpu: GuestCpu, chance: Chance) -> Self {
        let lines: Vec<&str> = info.modules.iter().map(|module| module.command_line).collect();
        let mut wanted = config::read_modules(&lines);
        let own = config::check_host_words(info.command_line, HOST_WORDS);
        let mut worst = ExitCode::Done;
        let lan = Lan::new(&wanted.plans, info.option(SECOND_LINE), &mut memory, |what| {
            host!("{what}");
            worst = ExitCode::Configuration;
        });
        let mut tasks = Self {
            tasks: Vec::new(),
            memory,
            cpu,
            chance,
            worst,
            multiplexer: RefCell::default(),
            nmis: 0,
            now: clock::now(),
            refreshed: Nanos(0),
            lan,
        };
        for error in own.iter().chain(&wanted.errors) {
            tasks.misconfigured(format_args!("{error}"));
        }
        let console = tasks.console_size(info);
        for plan in wanted.plans.drain(..) {
            tasks.add(Plan { console, ..plan }, &wanted.disks, info);
        }
        tasks
    }

    /// The size of everybody's terminal.
    fn console_size(&mut self, info: &BootInfo) -> ConsoleSize {
        let size = |word| ConsoleSize::admit(word).ok_or(word);
        info.option("console").map_or(Ok(ConsoleSize::default()), size).unwrap_or_else(|word| {
            self.misconfigured(format_args!(
                "bad size in \"console={word}\"; use columns and rows, like 80x25"
            ));
            ConsoleSize::default()
        })
    }

    fn misconfigured(&mut self, what: fmt::Arguments<'_>) {
        host!("{what}");
        self.worst = ExitCode::Configuration;
    }

    /// Makes the disks that a plan names; `None`, and a line that says why, if one cannot be.
    fn disks(
        &mut self,
        plan: &Plan,
        disks: &[DiskPlan],
        info: &mut BootInfo,
    ) -> Option<Vec<BlockDevice<'static>>> {
        let mut made = Vec::with_capacity(plan.disks.len());
        for disk in plan.disks.iter().map(|&place| &disks[place]) {
            match disks::make(disk, info, &mut self.memory) {
                Ok(device) => made.push(device),
                Err(why) => {
                    let (name, file) = (&plan.name, &plan.file);
                    self.misconfigured(format_args!("guest {name}: {file}: disk {}: {why}", disk.name));
                    return None;
                }
            }
        }
        Some(made)
    }

    fn add(&mut self, plan: Plan, disks: &[DiskPlan], info: &mut BootInfo) {
        let Some(disks) = self.disks(&plan, disks, info) else { return };
        let (name, file, memory) = (plan.name.clone(), plan.file.clone(), plan.memory);
        let image = info.modules[plan.image].bytes;
        let initrd = plan.initrd.map(|module| info.modules[module].bytes);
        let id = GuestId(self.tasks.len() as u32);
        let tables = TABLES + memory / MIB * TABLES_PER_MIB;
        let dialect = plan.dialect;
        let mut devices = self.lan.plug(&plan, self.tasks.len());
        devices.extend(disks.into_iter().map(|disk| Box::new(disk) as Box<dyn Device>));
        let mut launcher = match Launcher::admit(plan, image, initrd, devices) {
            Ok(launcher) => launcher,
            Err(why) => return self.misconfigured(format_args!("guest {name}: {file}: {why}")),
        };
        let Some(mut guest) = self.memory.lodge(id, launcher.limit(), tables) else {
            let (wants, has) = (memory / MIB, self.memory.largest() / 256);
            return self.misconfigured(format_args!(
                "guest {name}: {file}: mem={wants}M is more than the machine has left: {has} MiB in one piece"
            ));
        };
        guest.dialect = dialect;
        guest.shadow.set_device_limit(launcher.device_limit());
        if let Some(release) = launcher.release() {
            console::line(format_args!("guest {name}: Linux {release}"));
        }
        let now = clock::now();
        let (mut told, mut life) = (None, Life::begin(memory / MIB, now));
        let mut seat = Seat {
            guest: &mut guest,
            cpu: &mut self.cpu,
            name: &name,
            told: &mut told,
            life: &mut life,
            began: now,
        };
        let started = launcher.start(&mut seat).map_err(|why| format!("{why}"));
        let room = started.and_then(|()| {
            self.memory.own_bytes(KEPT).ok_or_else(|| "no memory is left to keep its output in".into())
        });
        match room {
            Ok(room) => {
                self.multiplexer.get_mut().add(&name, room);
                self.tasks.push(Task { name, launcher, guest: Some(guest), told, life });
            }
            Err(why) => {
                self.memory.evict(guest);
                self.misconfigured(format_args!("guest {name}: {file}: {why}"));
            }
        }
    }

    /// Runs all Guests to their ends; says how it went.
    pub fn run(mut self) -> (ExitCode, Memory) {
        let mut rota = Rota::new(self.tasks.len());
        loop {
            self.tell_nmis();
            let is_late = self.multiplexer.get_mut().catch_up(&mut Wire);
            match rota.choose(self.now) {
                Choice::Run(task) => {
                    let state = self.step(task, rota.live() > 1);
                    rota.note(task, state);
                    if state == State::Ended {
                        // What was typed for it may be another's now.
                        rota.wake_all();
                    }
                }
                Choice::Sleep(_) if is_late => self.now = clock::now(),
                Choice::Sleep(until) => {
                    console::refresh();
                    self.cpu.sleep(until.min(self.lan.networks.due()));
                    self.now = clock::now();
                    rota.wake_all();
                }
                Choice::Done => {
                    self.lan.tell();
                    return (self.worst, self.memory);
                }
            }
            if self.refreshed.until(self.now) >= REFRESH {
                self.refreshed = self.now;
                console::refresh();
            }
            console::receive();
            let about = About { tasks: &self.tasks, memory: &self.memory };
            self.lan.turn(self.now, &about, |task| rota.wake(task));
            if self.multiplexer.get_mut().listen(self.now, console::read, &mut Wire) {
                rota.wake_all();
            }
        }
    }

    fn step(&mut self, number: usize, has_rivals: bool) -> State {
        let task = &mut self.tasks[number];
        let Some(guest) = &mut task.guest else {
            return State::Ended;
        };
        let began = self.now;
        self.cpu.begin_slice(if has_rivals { began.after(SLICE) } else { Nanos::NEVER });
        let (name, told, life) = (&task.name, &mut task.told, &mut task.life);
        let mut seat = Seat { guest, cpu: &mut self.cpu, name, told, life, began };
        let multiplexer = &self.multiplexer;
        let mut terminal = Terminal { multiplexer, guest: number };
        let mut log = Log(Terminal { multiplexer, guest: number });
        self.lan.networks.now = began;
        let (net, entropy) = (&mut self.lan.networks, &mut self.chance);
        let mut ports = Ports { now: began, console: &mut terminal, net, entropy };
        let step = task.launcher.step(&mut seat, &mut ports, &mut log);
        self.now = clock::now();
        task.life.charge(began, self.now);
        let is_asleep = step != Step::Runnable;
        self.multiplexer.get_mut().turn_over(number, is_asleep, &mut Wire);
        match step {
            Step::Runnable => State::Runnable,
            Step::Blocked(until) => State::Blocked(until),
            Step::Ended(outcome) => {
                self.end(number, outcome);
                State::Ended
            }
        }
    }

    /// Tells a Guest's end and takes back what it had.
    fn end(&mut self, number: usize, outcome: Outcome) {
        let task = &mut self.tasks[number];
        let Some(mut guest) = task.guest.take() else {
            return;
        };
        self.multiplexer.get_mut().ended(number, &mut Wire);
        if let Outcome::Killed(reason) = outcome {
            console::line(format_args!("guest {}: killed: {reason}", task.name));
            tell_post_mortem(&task.name, &mut guest);
            self.worst = self.worst.or(ExitCode::Killed);
        }
        tell_usage(&task.name, &guest, &task.life, self.now);
        self.memory.evict(guest);
        self.lan.unplug(number);
    }

    /// Tells of NMIs at the first, second, fourth, eighth ...: a broken board may send thousands.
    fn tell_nmis(&mut self) {
        let more = u64::from(nmi::take()) + u64::from(self.cpu.take_switch_nmis());
        if more == 0 {
            return;
        }
        let before = self.nmis;
        self.nmis = before.saturating_add(more);
        if before == 0 || before.ilog2() != self.nmis.ilog2() {
            host!("NMI: {} so far; nobody here sends any", self.nmis);
        }
    }
}
