//! GDB among the tasks: what comes over the line, and who may run.
//!
//! [`kernel::gdb`] decides; here it is lent the Guests, between two steps, and
//! what it wishes is done.
//!
//! Next on the tour: [`super::hands`].

use alloc::vec::Vec;

use abi::KillReason;
use kernel::gdb::{Process, Question, Session, Wish};
use kernel::inspect::Asker;
use kernel::sched::Holder;
use monitor::answer::Answer;

use super::Tasks;
use super::desk::plain;
use crate::machine::{console, second_line};

impl Tasks {
    /// Lets GDB debug the Guest called `name`, or all.
    pub(super) fn open_to_debugger(&mut self, name: Option<&str>, waits: bool) {
        let meant =
            self.tasks.iter().enumerate().filter(|(_, task)| name.is_none_or(|name| task.name == name));
        let processes = meant.map(|(number, task)| Process::new(number, task.name.clone())).collect();
        self.gdb = Some(Session::new(processes, waits));
    }

    /// Hears what has come over the line.
    pub(super) fn hear_debugger(&mut self) {
        if self.gdb.is_none() {
            return;
        }
        while second_line::is_settled()
            && let Some(first) = second_line::read()
        {
            if let Some(question) = self.hear_from(first) {
                self.answer_debugger(&question);
            }
        }
        self.obey_debugger();
    }

    /// Hears a byte and what comes behind it, with the Guests lent, as far as a question to the monitor.
    fn hear_from(&mut self, first: u8) -> Option<Question> {
        let gdb = self.gdb.as_mut()?;
        for process in gdb.processes() {
            process.guest = self.tasks[process.task].guest.take();
        }
        let mut bytes = core::iter::once(first).chain(core::iter::from_fn(second_line::read));
        let question = bytes.find_map(|byte| gdb.hear(byte, &mut self.cpu));
        for process in gdb.processes() {
            let task = &mut self.tasks[process.task];
            task.guest = process.guest.take();
            // What has been done to it may be what it has slept for.
            task.launcher.wake();
        }
        question
    }

    /// Asks the monitor what GDB's user wants to know of it.
    fn answer_debugger(&mut self, question: &Question) {
        let answer = match core::str::from_utf8(&question.line) {
            Ok(line) => {
                let words: Vec<&str> = line.split_ascii_whitespace().collect();
                Asker::about(question.task).ask(&words, self)
            }
            Err(_) => Answer::Error("the line is no text".into()),
        };
        if let Some(gdb) = &mut self.gdb {
            gdb.reply(plain(&answer).as_bytes());
        }
    }

    /// Says what there is to say, and does with each Guest as is wished.
    pub(super) fn obey_debugger(&mut self) {
        for task in 0..self.tasks.len() {
            match self.gdb.as_ref().map(|gdb| gdb.wish(task)) {
                Some(Wish::Hold) => {
                    self.hold(task, Holder::Debugger);
                }
                Some(Wish::Run) => self.rota.release(task, Holder::Debugger),
                Some(Wish::Kill) => {
                    self.kill(task);
                }
                None => {}
            }
        }
        if let Some(gdb) = &mut self.gdb {
            second_line::answer(&gdb.take_said());
        }
    }

    /// Whether a Guest has just stopped for its debugger.
    pub(super) fn is_noticed(&mut self, number: usize) -> bool {
        let Some(gdb) = &mut self.gdb else { return false };
        let guest = self.tasks[number].guest.as_deref_mut();
        guest.is_some_and(|guest| gdb.notice(number, guest))
    }

    /// Whether a Guest that is to be killed is kept for its debugger to look at.
    pub(super) fn is_kept_for_debugger(&mut self, number: usize, why: KillReason) -> bool {
        let Some(gdb) = &mut self.gdb else { return false };
        let task = &mut self.tasks[number];
        let is_kept = task.guest.as_deref_mut().is_some_and(|guest| gdb.keeps(number, guest, why));
        if is_kept {
            console::line(format_args!("guest {}: dies when its debugger lets it: {why}", task.name));
        }
        is_kept
    }
}
