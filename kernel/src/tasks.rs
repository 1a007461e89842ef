//! The Host at work: Guests made from what the loader brought, run in turn, and their ends told.
//!
//! Launcher and mind meet here, and only here. A task is a Guest and its
//! Launcher; the rota says whose turn it is, a slice says for how long.
//!
//! ```text
//!            +-----------------------------------------------+
//!            v                                               |
//!   rota: Run(task) --> begin slice --> Launcher::step --> note what it waits for
//!         Sleep(until) --> wait for an interrupt ----------> wake all
//!         Done --> exit code
//! ```
//!
//! Invariants:
//! - What a bad line of configuration spoils is one Guest; the others run.
//! - A Guest that has ended has given its frames back before the next line
//!   is printed.
//!
//! Next on the tour: [`crate::terminal`].

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use abi::{GuestMemory, GuestPhys, Nanos, RunGuest, Stop, Variant};
use kernel::cpu::GuestId;
use kernel::guest::Guest;
use kernel::host::boot_info::BootInfo;
use kernel::sched::{Choice, Rota, State};
use kernel::{post_mortem, run};
use launcher_task::config::{self, Plan};
use launcher_task::{Launcher, Outcome, Ports, Step};

use crate::host;
use crate::lan::{Lan, SECOND_LINE};
use crate::machine::enter::GuestCpu;
use crate::machine::memory::Memory;
use crate::machine::power::ExitCode;
use crate::machine::ram::GuestRam;
use crate::machine::{clock, console, nmi};
use crate::terminal::{Terminal, Unfinished};

/// Words the Host's own command line may have; those that end in `=` take a value.
const HOST_WORDS: &[&str] = &["debug-exit", "selftest=", "com2="];
/// How long a Guest runs while another one waits.
const SLICE: Nanos = Nanos::from_millis(10);
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
    unfinished: Unfinished,
}

/// A Guest in its seat: what the Launcher calls [`RunGuest`].
struct Seat<'a> {
    guest: &'a mut Guest<GuestRam>,
    cpu: &'a mut GuestCpu,
    name: &'a str,
    told: &'a mut Option<Variant>,
}

impl Seat<'_> {
    /// Tells what the Guest speaks, once that is known.
    fn tell_variant(&mut self) {
        let variant = self.guest.shared.as_ref().map(|shared| shared.variant);
        if let Some(variant) = variant.filter(|_| *self.told != variant) {
            *self.told = Some(variant);
            console::line(format_args!("guest {}: speaks the ABI of {variant}", self.name));
        }
    }
}

impl RunGuest for Seat<'_> {
    fn run(&mut self) -> Stop {
        let stop = run::run(self.guest, self.cpu);
        self.tell_variant();
        stop
    }

    fn answer(&mut self, value: u32) {
        self.guest.answer(value);
    }

    fn raise(&mut self, irq: u8) {
        self.guest.interrupts.raise(irq);
    }

    fn reset(&mut self, entry: GuestPhys) {
        self.guest.reset(entry);
    }

    fn memory(&mut self) -> &mut dyn GuestMemory {
        &mut self.guest.memory
    }
}

/// Lines about Guests, as the Launcher writes them.
struct Log;

impl fmt::Write for Log {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        console::write(text.as_bytes());
        Ok(())
    }

    /// Starts on a line of its own, wherever the Guest's cursor was.
    fn write_fmt(&mut self, line: fmt::Arguments<'_>) -> fmt::Result {
        console::fresh_line();
        fmt::write(self, line)
    }
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
    worst: ExitCode,
    last_speaker: Option<usize>,
    nmis: u64,
    lan: Lan,
}

impl Tasks {
    /// Makes a task of each Guest the loader brought; says what is wrong with the others.
    pub fn new(info: &BootInfo, mut memory: Memory, cpu: GuestCpu) -> Self {
        let lines: Vec<&str> = info.modules.iter().map(|module| module.command_line).collect();
        let mut wanted = config::read_modules(&lines);
        let own = config::check_host_words(info.command_line, HOST_WORDS);
        let mut worst = ExitCode::Done;
        let lan = Lan::new(&wanted.plans, info.option(SECOND_LINE), &mut memory, |what| {
            host!("{what}");
            worst = ExitCode::Configuration;
        });
        let mut tasks = Self { tasks: Vec::new(), memory, cpu, worst, last_speaker: None, nmis: 0, lan };
        for error in own.iter().chain(&wanted.errors) {
            tasks.misconfigured(format_args!("{error}"));
        }
        for plan in wanted.plans.drain(..) {
            tasks.add(plan, info);
        }
        tasks
    }

    fn misconfigured(&mut self, what: fmt::Arguments<'_>) {
        host!("{what}");
        self.worst = ExitCode::Configuration;
    }

    fn add(&mut self, plan: Plan, info: &BootInfo) {
        let (name, file, memory) = (plan.name.clone(), plan.file.clone(), plan.memory);
        let image = info.modules[plan.image].bytes;
        let initrd = plan.initrd.map(|module| info.modules[module].bytes);
        let id = GuestId(self.tasks.len() as u32);
        let tables = TABLES + memory / MIB * TABLES_PER_MIB;
        let dialect = plan.dialect;
        let devices = self.lan.plug(&plan, self.tasks.len());
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
        let mut told = None;
        let mut seat = Seat { guest: &mut guest, cpu: &mut self.cpu, name: &name, told: &mut told };
        match launcher.start(&mut seat) {
            Ok(()) => self.tasks.push(Task {
                name,
                launcher,
                guest: Some(guest),
                told,
                unfinished: Unfinished::default(),
            }),
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
            match rota.choose(clock::now()) {
                Choice::Run(task) => {
                    let state = self.step(task, rota.live() > 1);
                    rota.note(task, state);
                }
                Choice::Sleep(until) => {
                    self.cpu.sleep(until.min(self.lan.networks.due()));
                    rota.wake_all();
                }
                Choice::Done => {
                    self.lan.tell();
                    return (self.worst, self.memory);
                }
            }
            console::receive();
            let about = About { tasks: &self.tasks, memory: &self.memory };
            self.lan.turn(clock::now(), &about, |task| rota.wake(task));
        }
    }

    fn step(&mut self, number: usize, has_rivals: bool) -> State {
        let focus = self.tasks.iter().position(|task| task.guest.is_some());
        let task = &mut self.tasks[number];
        let Some(guest) = &mut task.guest else {
            return State::Ended;
        };
        let now = clock::now();
        self.cpu.begin_slice(if has_rivals { now.after(SLICE) } else { Nanos::NEVER });
        let mut seat = Seat { guest, cpu: &mut self.cpu, name: &task.name, told: &mut task.told };
        let mut terminal = Terminal {
            task: number,
            has_focus: focus == Some(number),
            has_rivals,
            unfinished: &mut task.unfinished,
            last_speaker: &mut self.last_speaker,
        };
        self.lan.networks.now = now;
        let mut ports = Ports { now, console: &mut terminal, net: &mut self.lan.networks };
        let step = task.launcher.step(&mut seat, &mut ports, &mut Log);
        if step != Step::Runnable {
            terminal.flush();
        }
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
        if let Outcome::Killed(reason) = outcome {
            let name = &task.name;
            console::line(format_args!("guest {name}: killed: {reason}"));
            post_mortem::tell(&mut guest, |line| console::line(format_args!("guest {name}: {line}")));
            self.worst = self.worst.or(ExitCode::Killed);
        }
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
