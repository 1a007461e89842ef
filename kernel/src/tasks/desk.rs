//! The desks of the monitor: the person's at the console, and the script's at the second line.
//!
//! What is asked is [`kernel::inspect`]'s to answer; here it meets the tasks it
//! is about. Both desks have their turn when no Guest runs, and answer one line
//! at a time, so that Guests wait no longer for it than for each other.
//!
//! Next on the tour: [`super::hands`].

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use core::fmt::Write;

use abi::Nanos;
use kernel::inspect::post_mortem::Tsc;
use kernel::inspect::script::Script;
use kernel::inspect::{Asker, Known, World};
use kernel::platform::boot_info::BootInfo;
use kernel::sched::{Holder, State};
use kernel::terminal::multiplexer::door::Typed;
use kernel::terminal::plain::Plain;
use launcher_task::config::Plan;
use launcher_task::slot::{Slot, Traffic};
use monitor::answer::Answer;
use monitor::command::Act;
use monitor::editor::Editor;
use monitor::stats::{Device, Queue};
use monitor::symbols::Symbols;

use super::{Task, Tasks};
use crate::host;
use crate::machine::ram::GuestRam;
use crate::machine::{clock, console, cpu, second_line};

/// Who may ask.
pub struct Desk {
    /// The line the person is typing, once one has sat down.
    editor: Option<Editor>,
    asker: Asker,
    /// The console's count of bytes when the prompt was shown last.
    shown_at: u32,
    /// The script, if the second line is for one, ...
    script: Option<Script>,
    /// ... and what it has sent that was not looked at.
    is_pending: bool,
}

impl Desk {
    /// Nobody has sat down yet.
    pub fn new(has_script: bool) -> Self {
        let script = has_script.then(Script::default);
        Self { editor: None, asker: Asker::default(), shown_at: 0, script, is_pending: false }
    }
}

impl Tasks {
    /// Whether somebody waits for an answer.
    pub(super) fn is_asked(&mut self) -> bool {
        self.desk.is_pending && second_line::is_settled() || self.multiplexer.get_mut().door.is_awaited()
    }

    /// Answers what was asked at the desks, a line at each.
    pub(super) fn answer(&mut self) {
        self.answer_script();
        let door = &mut self.multiplexer.get_mut().door;
        if door.is_in_use() || door.is_awaited() {
            self.answer_person();
        }
    }

    fn answer_script(&mut self) {
        if !second_line::is_settled() {
            // It has not taken the last answer yet.
            return;
        }
        let Some(mut script) = self.desk.script.take() else { return };
        let reply = core::iter::from_fn(second_line::read).find_map(|byte| script.feed(byte, self));
        self.desk.is_pending = reply.is_some();
        reply.iter().for_each(|reply| second_line::answer(reply.as_bytes()));
        self.desk.script = Some(script);
    }

    #[inline(never)]
    fn answer_person(&mut self) {
        let mut editor = self.desk.editor.take().unwrap_or_default();
        let is_torn = console::written() != self.desk.shown_at;
        let mut has_answered = false;
        while !has_answered && let Some(typed) = self.multiplexer.get_mut().door.take() {
            match typed {
                Typed::Open => {
                    host!("monitor; help lists the commands, Ctrl-A m goes back");
                    show_again(&mut editor);
                    has_answered = true;
                }
                Typed::Byte(byte) => editor.feed(byte, &mut |first, words| {
                    has_answered = true;
                    console::write(&first);
                    self.ask(words)
                }),
                Typed::Shut => {
                    host!("back to the guests");
                    break;
                }
            }
        }
        if is_torn && !has_answered {
            // Somebody else has said something in the middle of the line.
            show_again(&mut editor);
        }
        let echo = editor.take_echo();
        if self.multiplexer.get_mut().door.is_in_use() {
            console::write(&echo);
        }
        self.desk.shown_at = console::written();
        self.desk.editor = Some(editor);
    }

    /// The symbols that somebody brought, which are better than what the image has kept; `None`, and a
    /// line that says why if there should be some.
    pub(super) fn symbols(&mut self, plan: &Plan, info: &BootInfo) -> Option<Symbols<'static>> {
        let number = plan.symbols?;
        let module = &info.modules[number];
        match Symbols::admit(module.bytes) {
            Ok(symbols) => Some(symbols),
            Err(why) => {
                let (name, line, number) = (&plan.name, module.command_line.words, number + 1);
                self.misconfigured(format_args!(
                    "guest {name}: no symbols from module {number}, \"{line}\": {why}"
                ));
                None
            }
        }
    }

    fn ask(&mut self, words: &[&str]) -> String {
        let mut asker = self.desk.asker;
        let answer = plain(&asker.ask(words, self));
        self.desk.asker = asker;
        answer
    }
}

/// Shows the line under way once more, on a line of its own.
fn show_again(editor: &mut Editor) {
    console::fresh_line();
    editor.take_echo();
    editor.show_again();
}

/// An answer as text that does nothing but be shown: it may have text of a Guest's in it, or names
/// out of an image.
pub(super) fn plain(answer: &Answer) -> String {
    let mut text = String::new();
    for line in answer.to_string().split_inclusive('\n') {
        let (words, end) = line.strip_suffix('\n').map_or((line, ""), |words| (words, "\n"));
        // Neither fails.
        let _ = Plain(&mut text).write_str(words);
        text += end;
    }
    text
}

fn device(slot: &Slot<'_>) -> Device {
    let queues = slot.traffic().map(|(size, traffic)| {
        let Traffic { served, chains, interrupts } = traffic;
        Queue { size, served, chains, interrupts }
    });
    Device { name: slot.shape().name, features: slot.accepted(), queues: queues.collect() }
}

impl World for Tasks {
    type Memory = GuestRam;

    fn guest(&self, number: usize) -> Option<Known<'_, GuestRam>> {
        let Task { name, guest, life, symbols, .. } = self.tasks.get(number)?;
        let state = match self.rota.state(number) {
            State::Ended => "ended",
            _ if self.rota.is_held(number, Holder::Monitor) => "paused",
            _ if self.rota.is_held(number, Holder::Debugger) => "stopped",
            State::Blocked(_) => "sleeps",
            State::Runnable | State::Yields => "runs",
        };
        Some(Known { name, state, guest: guest.as_deref(), life, symbols: *symbols })
    }

    fn focus(&self) -> usize {
        self.multiplexer.borrow().focus()
    }

    fn now(&self) -> Nanos {
        self.now
    }

    fn tsc(&self) -> Tsc {
        Tsc { now: cpu::tsc(), khz: clock::tsc_khz() }
    }

    fn devices(&self, number: usize) -> Vec<Device> {
        let mut devices = Vec::new();
        if let Some(task) = self.tasks.get(number) {
            task.launcher.show_devices(&mut |slot| devices.push(device(slot)));
        }
        devices
    }

    fn log(&self) -> Vec<String> {
        console::log()
    }

    fn act(&mut self, number: usize, act: Act) {
        let _lives = match act {
            Act::Pause => self.hold(number, Holder::Monitor),
            Act::Resume => self.release(number, Holder::Monitor),
            Act::Restart => self.restart(number),
            Act::Kill => self.kill(number),
        };
    }
}
