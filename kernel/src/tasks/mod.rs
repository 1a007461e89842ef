//! The Host at work: Guests made from what the loader brought, run in turn, and their ends told.
//!
//! Launcher and mind meet here, and only here. A task is a Guest and its
//! Launcher; the rota says whose turn it is, a slice says for how long.
//!
//! ```text
//!            +-----------------------------------------------+
//!            v                                               |
//!   rota: Run(task) --> begin slice --> Launcher::step --> note what it waits for, charge it
//!         Sleep(until) --> wait for an interrupt ----------> listen, wake all
//!         Done --> exit code
//! ```
//!
//! Invariants:
//! - What a bad line of configuration spoils is one Guest; the others run.
//! - A Guest that has ended has given its frames back before anybody else's
//!   turn.
//!
//! Next on the tour: [`hands`].

mod about;
mod autopsy;
mod bookkeeping;
mod debugging;
mod desk;
mod disks;
mod ending;
mod hands;
mod lan;
mod making;
mod seat;
mod terminal;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt;

use abi::{Nanos, Variant};
use kernel::cpu::Cpu;
use kernel::gdb::Session;
use kernel::guest::Guest;
use kernel::inspect::usage::Life;
use kernel::inspect::watch::Told;
use kernel::sched::{Choice, Rota, SLICE, State};
use kernel::terminal::multiplexer::Multiplexer;
use kernel::trace::event::Event;
use kernel::trace::frame::{Frame, VERSION};
use kernel::trace::sender::Sender;
use launcher_task::{Launcher, Outcome, Ports, Step};
use monitor::symbols::Symbols;

use self::autopsy::Autopsy;
use self::desk::Desk;
use crate::host;
use crate::machine::enter::GuestCpu;
use crate::machine::entropy::Chance;
use crate::machine::memory::Memory;
use crate::machine::power::{self, ExitCode};
use crate::machine::ram::GuestRam;
use crate::machine::{clock, console, cpu, nmi, second_line, witness};
use crate::tasks::lan::Lan;
use crate::tasks::seat::Seat;
use crate::tasks::terminal::{Lines, Terminal, Wire};

/// Bytes in a mebibyte.
const MIB: u32 = 1 << 20;

/// A Guest and its Launcher.
struct Task {
    name: String,
    launcher: Launcher<'static>,
    /// `None` once it has ended.
    guest: Option<Box<Guest<GuestRam>>>,
    /// What the person was told that the Guest speaks.
    told: Option<Variant>,
    /// How it has ended, if that was not told yet.
    ending: Option<Outcome>,
    /// The time it has used.
    life: Life,
    /// Names for its addresses.
    symbols: Symbols<'static>,
}

impl Task {
    /// Has a look whether its Guest gets anywhere, if it is time.
    #[inline]
    fn look(&mut self, now: Nanos) {
        if now >= self.life.watch.due {
            self.look_closely(now);
        }
    }

    #[cold]
    fn look_closely(&mut self, now: Nanos) {
        let Self { name, launcher, guest: Some(guest), life, .. } = self else {
            self.life.watch.due = Nanos::NEVER;
            return;
        };
        let cpu = life.cpu();
        if let Some(stuck) = life.watch.look(guest, cpu, launcher.drives(), now) {
            console::line(format_args!("guest {name}: {}", Told(stuck, guest)));
        }
    }
}

/// All tasks, and what they share.
pub struct Tasks {
    tasks: Vec<Task>,
    memory: Memory,
    cpu: GuestCpu,
    chance: Chance,
    worst: ExitCode,
    rota: Rota,
    desk: Desk,
    /// The line to GDB, if the second line is that.
    gdb: Option<Session<GuestRam>>,
    /// The terminal; seats at it have the tasks' numbers.
    multiplexer: RefCell<Multiplexer>,
    nmis: u64,
    /// What time it is: looked up after each step.
    now: Nanos,
    /// When the screen was refreshed.
    refreshed: Nanos,
    lan: Lan,
    /// Who tells over the second line what happens, if that is what it is for.
    reporter: Option<Sender>,
    /// There is more to tell than the last turn could.
    is_reporting: bool,
    autopsy: Autopsy,
}

/// What the time-stamp counter means, for who reads a trace.
fn moment() -> Frame {
    Frame::Clock {
        version: VERSION,
        khz: clock::tsc_khz(),
        tsc: cpu::tsc(),
        nanos: clock::now().0,
        epoch: clock::epoch(),
    }
}

impl Tasks {
    /// Runs all Guests to their ends; says how it went.
    pub fn run(mut self) -> (ExitCode, Memory) {
        self.rota = Rota::new(self.tasks.len());
        self.obey_debugger();
        loop {
            self.tell_nmis();
            let rota = &mut self.rota;
            self.multiplexer.get_mut().now = self.now;
            let is_late = self.multiplexer.get_mut().catch_up(&mut Wire, |guest| rota.wake(guest))
                | self.is_asked()
                | self.is_reporting;
            match self.rota.choose(self.now) {
                Choice::Run(task) => {
                    let began = clock::now();
                    let state = self.step(task, began);
                    self.now = clock::now();
                    self.rota.charge(task, began.until(self.now));
                    self.rota.note(task, state);
                    if state == State::Ended {
                        // What was typed for it may be another's now.
                        self.rota.wake_all();
                    }
                }
                Choice::Sleep(_) if is_late => self.now = clock::now(),
                Choice::Sleep(until) => {
                    console::refresh();
                    let look =
                        self.tasks.iter().map(|task| task.life.watch.due).min().unwrap_or(Nanos::NEVER);
                    let until = until.min(look).min(self.lan.networks.due());
                    // The serial line's interrupt says when it takes more; who has missed it looks again.
                    let late = if console::is_waiting() { self.now.after(SLICE) } else { Nanos::NEVER };
                    self.cpu.sleep(until.min(late));
                    self.now = clock::now();
                    self.tasks.iter_mut().for_each(|task| task.look(self.now));
                    self.rota.wake_all();
                }
                Choice::Done => {
                    self.report_the_rest();
                    while self.dissect() {}
                    console::drain();
                    self.lan.tell();
                    let lost = second_line::finish();
                    if lost > 0 {
                        host!("com2: {lost} bytes lost: the serial line did not take them");
                    }
                    return (self.worst, self.memory);
                }
            }
            if self.refreshed.until(self.now) >= console::REFRESH {
                self.refreshed = self.now;
                console::refresh();
            }
            console::serve();
            second_line::serve();
            self.network_turn();
            if self.multiplexer.get_mut().listen(self.now, console::read, &mut Wire) {
                self.rota.wake_all();
                if self.multiplexer.get_mut().has_left() {
                    host!("left by Ctrl-A x");
                    power::end(ExitCode::Left);
                }
            }
            self.answer();
            self.is_reporting =
                self.reporter.as_mut().is_some_and(|all| all.turn(self.now, moment, second_line::send));
            self.is_reporting |= self.dissect();
            self.hear_debugger();
        }
    }

    /// Gives the gateways their turn, for which those pay who have sent them something.
    fn network_turn(&mut self) {
        if self.lan.networks.list().is_empty() {
            return;
        }
        let tasks = &self.tasks;
        let about = |guest: &str, out: &mut dyn fmt::Write| about::tell(tasks, guest, out);
        self.lan.turn(self.now, &about, |task| self.rota.wake(task));
        let began = core::mem::replace(&mut self.now, clock::now());
        self.lan.charge(began.until(self.now), |task, took| self.rota.charge(task, took));
    }

    fn step(&mut self, number: usize, began: Nanos) -> State {
        // What is told of a Guest is sent, and what was asked about it answered, between its slices.
        // So is what waits for the serial line.
        let has_rivals =
            self.rota.live() > 1 || self.reporter.is_some() || self.is_asked() || console::is_waiting();
        let task = &mut self.tasks[number];
        let Some(guest) = &mut task.guest else {
            return State::Ended;
        };
        if let Some(outcome) = task.ending {
            return self.end_when_told(number, outcome);
        }
        self.cpu.begin_slice(match (has_rivals, &guest.shared) {
            (true, _) => began.after(self.rota.slice(number)),
            (false, None) => task.life.watch.due,
            (false, Some(_)) => Nanos::NEVER,
        });
        let tsc = self.cpu.tsc();
        guest.trace.note_at(tsc, Event::Slice { high: (tsc >> 32) as u32 });
        let (name, told, life) = (&task.name, &mut task.told, &mut task.life);
        let multiplexer = &self.multiplexer;
        let mut terminal = Terminal { multiplexer, guest: number };
        let (mut log, lines) = (Lines(terminal), Some(Lines(terminal)));
        self.lan.networks.now = began;
        let (net, entropy) = (&mut self.lan.networks, &mut self.chance);
        let mut ports = Ports { now: began, console: &mut terminal, net, entropy };
        let (launcher, cpu) = (&mut task.launcher, &mut self.cpu);
        let step = witness::turn_of(name, guest, |guest| {
            let mut seat = Seat { guest, cpu, name, told, life, began, lines };
            launcher.step(&mut seat, &mut ports, &mut log)
        });
        self.now = clock::now();
        task.life.charge(began, self.now);
        let is_asleep = matches!(step, Step::Blocked(_) | Step::Ended(_));
        let asleep = matches!(step, Step::Blocked(_));
        let tsc = self.cpu.tsc();
        guest.trace.note_at(tsc, Event::Rest { high: (tsc >> 32) as u32, asleep });
        guest.trace.feed(tsc);
        task.look(self.now);
        self.multiplexer.get_mut().turn_over(number, is_asleep, &mut Wire);
        match step {
            Step::Runnable | Step::Yields | Step::Blocked(_) if self.is_noticed(number) => State::Runnable,
            Step::Runnable => State::Runnable,
            Step::Yields => State::Yields,
            Step::Blocked(until) => State::Blocked(until),
            Step::Ended(Outcome::Killed(reason)) if self.is_kept_for_debugger(number, reason) => {
                State::Runnable
            }
            Step::Ended(outcome) => self.end_when_told(number, outcome),
        }
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
