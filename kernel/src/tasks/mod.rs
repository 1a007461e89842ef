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
mod task;
mod terminal;

use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt;

use abi::Nanos;
use kernel::cpu::Cpu;
use kernel::gdb::Session;
use kernel::sched::{Choice, Rota, SLICE, State};
use kernel::terminal::multiplexer::Multiplexer;
use kernel::trace::event::Event;
use kernel::trace::frame::{Frame, VERSION};
use kernel::trace::sender::Sender;
use launcher_task::{Outcome, Ports, Step};

use self::autopsy::Autopsy;
use self::desk::Desk;
use self::task::Task;
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
            let is_late = self.catch_up();
            match self.rota.choose(self.now) {
                Choice::Run(task) => self.turn(task),
                Choice::Sleep(_) if is_late => self.now = clock::now(),
                Choice::Sleep(until) => self.sleep(until),
                Choice::Done => return self.wind_up(),
            }
            self.serve();
        }
    }

    /// Shows what waits for the terminal. True if there is more to do than that, whoever sleeps.
    fn catch_up(&mut self) -> bool {
        let (rota, multiplexer) = (&mut self.rota, self.multiplexer.get_mut());
        multiplexer.now = self.now;
        multiplexer.catch_up(&mut Wire, |guest| rota.wake(guest)) | self.is_asked() | self.is_reporting
    }

    /// Lets a task run for as long as its turn is, and charges it.
    fn turn(&mut self, task: usize) {
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

    /// Sleeps until an interrupt, or until somebody has something to do.
    fn sleep(&mut self, until: Nanos) {
        console::refresh();
        let look = self.tasks.iter().map(|task| task.life.watch.due).min().unwrap_or(Nanos::NEVER);
        // The serial line's interrupt says when it takes more; who has missed it looks again.
        let late = if console::is_waiting() { self.now.after(SLICE) } else { Nanos::NEVER };
        self.cpu.sleep(until.min(look).min(self.lan.networks.due()).min(late));
        self.now = clock::now();
        self.tasks.iter_mut().for_each(|task| task.look(self.now));
        self.rota.wake_all();
    }

    /// All Guests have ended: lets everything out that is still to be told.
    #[cold]
    fn wind_up(mut self) -> (ExitCode, Memory) {
        self.report_the_rest();
        while self.dissect() {}
        console::drain();
        self.lan.tell();
        let lost = second_line::finish();
        if lost > 0 {
            host!("com2: {lost} bytes lost: the serial line did not take them");
        }
        (self.worst, self.memory)
    }

    /// Serves everything that is not a Guest's own, a little each: screen, serial lines, networks, keys,
    /// and whoever looks into Guests.
    fn serve(&mut self) {
        if self.refreshed.until(self.now) >= console::REFRESH {
            self.refreshed = self.now;
            console::refresh();
        }
        console::serve();
        second_line::serve();
        self.network_turn();
        self.listen();
        self.answer();
        self.is_reporting =
            self.reporter.as_mut().is_some_and(|all| all.turn(self.now, moment, second_line::send));
        self.is_reporting |= self.dissect();
        self.hear_debugger();
    }

    /// Takes what was typed.
    fn listen(&mut self) {
        let multiplexer = self.multiplexer.get_mut();
        if !multiplexer.listen(self.now, console::read, &mut Wire) {
            return;
        }
        self.rota.wake_all();
        if multiplexer.has_left() {
            host!("left by Ctrl-A x");
            power::end(ExitCode::Left);
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
