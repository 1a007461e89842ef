//! The ends of Guests: told when there is room for that, and all they had given back.
//!
//! Next on the tour: [`super::hands`].

use abi::KillReason;
use kernel::sched::{SLICE, State};
use launcher_task::Outcome;

use super::{Tasks, moment};
use crate::machine::power::ExitCode;
use crate::machine::{console, second_line};
use crate::tasks::seat::{tell_post_mortem, tell_usage};
use crate::tasks::terminal::Wire;

impl Tasks {
    /// Ends a Guest, once all that it has said is shown and there is room for what is said of its end.
    pub(super) fn end_when_told(&mut self, number: usize, outcome: Outcome) -> State {
        if self.multiplexer.get_mut().is_behind(number) || !console::has_room_for_an_end() {
            self.tasks[number].ending = Some(outcome);
            return State::Blocked(self.now.after(SLICE));
        }
        self.end(number, outcome);
        State::Ended
    }

    /// Tells a Guest's end and takes back what it had.
    pub(super) fn end(&mut self, number: usize, outcome: Outcome) {
        let task = &mut self.tasks[number];
        let Some(guest) = task.guest.take() else {
            return;
        };
        self.multiplexer.get_mut().ended(number, &mut Wire);
        let mut killed = None;
        if let Outcome::Killed(reason) = outcome {
            killed = Some(reason);
            // A kernel that panicked has said why: its own words are the last to be read.
            if reason != KillReason::Panicked {
                console::line(format_args!("guest {}: killed: {reason}", task.name));
                tell_post_mortem(&task.name, &guest);
            }
            self.worst = self.worst.or(ExitCode::Killed);
        }
        tell_usage(&task.name, &guest, &task.life, self.now);
        let name = task.name.clone();
        self.bury(*guest, &name, killed);
        self.lan.unplug(number);
        if let Some(gdb) = &mut self.gdb {
            gdb.ended(number);
        }
    }

    /// Sends what is still to be told, with patience, for nobody waits any more.
    pub(super) fn report_the_rest(&mut self) {
        let Some(reporter) = &mut self.reporter else { return };
        while reporter.turn(self.now, moment, |bytes| {
            second_line::send_all(bytes);
            bytes.len()
        }) {}
    }
}
