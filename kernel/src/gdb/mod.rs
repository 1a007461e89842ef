//! GDB at the other end of the second line.
//!
//! Guests are processes: each has symbols and breakpoints of its own, and they
//! stop together. They run until somebody says a first word, and then stop. A
//! line has no beginning and no end, so who says hello (`qSupported`) begins
//! anew, whatever came of the one before.
//!
//! ```text
//!   bytes --Intake--> packet --Request--> registers, memory, breakpoints of the process chosen
//!                        |            \-> go: which may run
//!                     Ctrl-C --> all stop
//!   a Guest has stopped --notice--> all stop, and GDB is told which
//!   "monitor ..." --> whoever has called hear --reply--> GDB shows the answer
//! ```
//!
//! Invariants:
//! - Nobody is debugged before somebody has said a packet (`guests_run_until_somebody_is_there`).
//! - What cannot be understood has an empty answer or none, and changes nothing
//!   (`nonsense_changes_nothing`, the fuzz target `gdb`).
//! - When GDB leaves, nothing of it stays in a Guest (`a_client_that_leaves_takes_all_with_it`).
//!
//! Source: "Debugging with GDB", "Remote Protocol".
//!
//! Next on the tour: [`intake`].

mod answer;
mod description;
pub mod intake;
mod parse;
mod process;
mod registers;
mod request;

use alloc::format;
use alloc::vec::Vec;

use abi::{GuestMemory, KillReason};

use self::intake::{Heard, Intake, LONGEST};
pub use self::process::Process;
use self::request::Request;
use crate::cpu::FpuStates;
use crate::guest::Guest;
use crate::guest::debug_registers::Kind;
use crate::guest::debugger::Halt;

/// Signals, by GDB's numbers.
const SIGINT: u8 = 2;
const SIGTRAP: u8 = 5;
const SIGABRT: u8 = 6;

/// What a Guest's debugger wants of its task.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wish {
    /// Let it run.
    Run,
    /// Keep it from running.
    Hold,
    /// End it.
    Kill,
}

/// A line for the monitor, which is to be answered by [`Session::reply`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Question {
    /// What was typed.
    pub line: Vec<u8>,
    /// The task of the Guest that is meant if the line names none.
    pub task: usize,
}

/// The line, and who is at the other end.
pub struct Session<M> {
    processes: Vec<Process<M>>,
    intake: Intake,
    /// Number of the process that is spoken of.
    chosen: u32,
    /// GDB has said go and waits for somebody to stop.
    is_running: bool,
    /// It wants to know that a packet has arrived.
    acknowledges: bool,
    /// It knows of processes; otherwise they are threads to it.
    knows_processes: bool,
    /// Guests wait for somebody to come.
    waits: bool,
    /// Tasks whose Guests GDB wants to end.
    condemned: Vec<usize>,
    /// What has been said and not yet sent.
    said: Vec<u8>,
}

impl<M: GuestMemory> Session<M> {
    /// A line on which `processes` can be debugged, who wait for that if it `waits`.
    pub fn new(processes: Vec<Process<M>>, waits: bool) -> Self {
        Self {
            processes,
            intake: Intake::default(),
            chosen: 0,
            is_running: false,
            acknowledges: true,
            knows_processes: false,
            waits,
            condemned: Vec::new(),
            said: Vec::new(),
        }
    }

    /// The Guests, to be lent before [`Session::hear`] and taken back afterwards.
    pub fn processes(&mut self) -> &mut [Process<M>] {
        &mut self.processes
    }

    /// Whether anybody is there.
    pub fn is_attached(&self) -> bool {
        self.processes.iter().any(|process| process.is_attached)
    }

    /// Whether whoever says something now must be somebody new.
    fn is_nobody_there(&self) -> bool {
        !self.processes.iter().any(|process| process.is_attached || process.is_missed)
    }

    /// What is to become of the Guest of task number `task`.
    pub fn wish(&self, task: usize) -> Wish {
        if self.condemned.contains(&task) {
            return Wish::Kill;
        }
        let process = self.processes.iter().find(|process| process.task == task);
        let is_held = process.is_some_and(|process| match process.is_attached {
            true => !self.is_running || process.is_held,
            false => self.waits,
        });
        if is_held { Wish::Hold } else { Wish::Run }
    }

    /// What there is to send; told once.
    pub fn take_said(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.said)
    }

    /// Takes a byte from the line. The Guests are lent, and what their FPUs hold is in `fpu`. If there
    /// is a question, it is to be answered before the next byte is heard.
    pub fn hear(&mut self, byte: u8, fpu: &mut dyn FpuStates) -> Option<Question> {
        match self.intake.take(byte)? {
            Heard::Interrupt => self.stop_all(),
            Heard::Packet(body) => {
                let request = Request::parse(&body);
                if matches!(request, Request::Hello { .. }) || self.is_nobody_there() {
                    self.meet();
                }
                if self.acknowledges {
                    self.said.push(b'+');
                }
                if let Request::Monitor(line) = request {
                    return Some(Question { line, task: self.chosen.saturating_sub(1) as usize });
                }
                if let Some(answer) = self.answer(request, fpu) {
                    self.say(&answer);
                }
            }
        }
        None
    }

    /// What the monitor has answered: shown as it comes, in packets that are not too long.
    pub fn reply(&mut self, text: &[u8]) {
        for part in text.chunks(LONGEST / 2 - 8) {
            self.say(&[b"O", &parse::to_hex(part)[..]].concat());
        }
        self.say(b"OK");
    }

    /// Somebody is there, and the Guests stop.
    fn meet(&mut self) {
        self.processes.iter_mut().for_each(Process::attach);
        self.processes.iter_mut().for_each(|process| process.is_missed = false);
        (self.waits, self.is_running, self.acknowledges) = (false, false, true);
        self.chosen = self.processes.iter().find(|process| process.is_attached).map_or(0, Process::number);
        // What was said until now was for somebody else.
        self.said.clear();
    }

    fn say(&mut self, body: &[u8]) {
        self.said.append(&mut intake::framed(body));
    }

    /// Ctrl-C; to somebody who has not said go it means nothing.
    fn stop_all(&mut self) {
        if let Some(process) = self.processes.iter().find(|process| process.is_attached) {
            self.report(process.number(), SIGINT, "");
        }
    }

    /// Tells that all have stopped, because of one of them.
    fn report(&mut self, number: u32, signal: u8, why: &str) {
        if core::mem::take(&mut self.is_running) {
            self.chosen = number;
            let body = format!("T{signal:02x}thread:{};{why}", self.thread(number));
            self.say(body.as_bytes());
        }
    }

    /// What GDB calls the thread of a process.
    fn thread(&self, number: u32) -> alloc::string::String {
        if self.knows_processes { format!("p{number:x}.{number:x}") } else { format!("{number:x}") }
    }

    /// Looks what a turn of task number `task` was for its debugger. Whether it has stopped.
    pub fn notice(&mut self, task: usize, guest: &mut Guest<M>) -> bool {
        let halt = guest.debugger.as_mut().and_then(|debugger| debugger.halt.take());
        if let Some(halt) = halt {
            self.report(task as u32 + 1, SIGTRAP, &reason(halt));
        }
        halt.is_some()
    }

    /// The Guest of task number `task` is to be killed. If somebody wants to look at it before that,
    /// it is kept: true, and it dies when it is let run.
    pub fn keeps(&mut self, task: usize, guest: &mut Guest<M>, why: KillReason) -> bool {
        let is_its = |process: &&mut Process<M>| process.task == task && process.is_attached;
        let Some(process) = self.processes.iter_mut().find(is_its) else { return false };
        let has_been_told = core::mem::replace(&mut process.has_died, true);
        if !has_been_told {
            guest.killed = Some(why);
            self.report(task as u32 + 1, SIGABRT, "");
        }
        !has_been_told
    }

    /// The Guest of task number `task` is no more.
    pub fn ended(&mut self, task: usize) {
        self.condemned.retain(|&condemned| condemned != task);
        let Some(process) = self.processes.iter_mut().find(|process| process.task == task) else { return };
        process.has_ended = true;
        if core::mem::take(&mut process.is_attached) {
            process.is_missed = true;
            self.report_end();
        }
    }

    /// Tells that a Guest has ended, if GDB waits for something to happen and does not know yet.
    fn report_end(&mut self) {
        let Some(process) = self.processes.iter_mut().find(|process| process.is_missed) else { return };
        if core::mem::take(&mut self.is_running) {
            process.is_missed = false;
            let number = process.number();
            let process = if self.knows_processes { format!(";process:{number:x}") } else { "".into() };
            self.say(format!("W00{process}").as_bytes());
        }
    }
}

/// What GDB is told of a stop besides the signal.
fn reason(halt: Halt) -> alloc::string::String {
    match halt {
        Halt::Stepped | Halt::Restarted => "".into(),
        Halt::Software => "swbreak:;".into(),
        Halt::Hardware(breakpoint) => match breakpoint.kind() {
            Kind::Execute => "hwbreak:;".into(),
            Kind::Write => format!("watch:{:x};", breakpoint.at()),
            Kind::Access => format!("awatch:{:x};", breakpoint.at()),
        },
    }
}

#[cfg(test)]
mod tests;
