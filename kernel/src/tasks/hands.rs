//! What can be done to a Guest from outside: hold it and let it go, start it again, end it.
//!
//! A person at the monitor and a debugger at the second line do this, between
//! two steps, when no Guest runs. A number that no Guest has, or one that has
//! ended, is not an error of theirs: they are told that nothing happened.
//!
//! Invariants:
//! - A restart by hand is a restart by the Guest's own wish: fresh memory, the same devices.
//!
//! Next on the tour: [`super::making`].

use abi::KillReason;
use kernel::guest::Guest;
use kernel::sched::{Holder, State};
use launcher_task::Outcome;

use super::{Task, Tasks};
use crate::machine::console;
use crate::machine::ram::GuestRam;
use crate::tasks::seat::Seat;
use crate::tasks::terminal::{Lines, Terminal, Wire};

impl Tasks {
    /// The Guest of this number, if there is one that lives.
    pub fn guest(&mut self, number: usize) -> Option<&mut Guest<GuestRam>> {
        self.tasks.get_mut(number)?.guest.as_deref_mut()
    }

    /// Keeps a Guest from running, until `by` lets go; false if it does not live.
    pub fn hold(&mut self, number: usize, by: Holder) -> bool {
        let lives = self.guest(number).is_some();
        if lives {
            self.rota.hold(number, by);
            self.make_ready(number);
        }
        lives
    }

    /// Lets a Guest run again, unless somebody else holds it; false if it does not live.
    pub fn release(&mut self, number: usize, by: Holder) -> bool {
        let lives = self.guest(number).is_some();
        if lives {
            self.rota.release(number, by);
        }
        lives
    }

    /// Starts a Guest again in fresh memory; false if it does not live.
    pub fn restart(&mut self, number: usize) -> bool {
        let Some(Task { name, launcher, guest: Some(_), .. }) = self.tasks.get_mut(number) else {
            return false;
        };
        self.multiplexer.get_mut().flush(number, &mut Wire);
        console::line(format_args!("guest {name}: restarting, by hand"));
        launcher.begin();
        self.rota.note(number, State::Runnable);
        if self.rota.is_held_at_all(number) {
            self.make_ready(number);
        }
        true
    }

    /// Whoever holds a Guest finds it at its first instruction, not halfway there.
    fn make_ready(&mut self, number: usize) {
        let Some(Task { name, launcher, guest: Some(guest), told, life, .. }) = self.tasks.get_mut(number)
        else {
            return;
        };
        let lines = Some(Lines(Terminal { multiplexer: &self.multiplexer, guest: number }));
        let mut seat = Seat { guest, cpu: &mut self.cpu, name, told, life, began: self.now, lines };
        if let Err(reason) = launcher.start(&mut seat) {
            self.end_by_hand(number, reason);
        }
    }

    /// Ends a Guest; false if it does not live.
    pub fn kill(&mut self, number: usize) -> bool {
        let lives = self.guest(number).is_some();
        if lives {
            self.end_by_hand(number, KillReason::ByHand);
        }
        lives
    }

    fn end_by_hand(&mut self, number: usize, reason: KillReason) {
        self.end(number, Outcome::Killed(reason));
        self.rota.note(number, State::Ended);
        self.rota.wake_all();
    }
}
