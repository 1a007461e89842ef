//! The scheduler: which Launcher task gets the CPU next.
//!
//! A task is runnable, blocked until a point in time, or at its end. Turns go
//! round in order; a task that sleeps costs nothing but its place in the
//! circle. When all sleep, the CPU does too, until the first of them is due or
//! an interrupt of the Host changes something.
//!
//! Whoever looks into a Guest may hold its task meanwhile. Several may, each on
//! its own account, and it goes on when the last has let go.
//!
//! Next on the tour: the machine, from `main.rs`.

use alloc::vec::Vec;

use abi::Nanos;

/// What a task is waiting for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// The CPU.
    Runnable,
    /// A point in time, or an interrupt of the Host's before that.
    Blocked(Nanos),
    /// Nothing ever again.
    Ended,
}

/// What the CPU should do now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Choice {
    /// Run the task of this number.
    Run(usize),
    /// Sleep until then, or an interrupt.
    Sleep(Nanos),
    /// All tasks have ended.
    Done,
}

/// Who may hold a task; the values are bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Holder {
    /// The person at the monitor.
    Monitor = 1,
    /// A debugger at the second serial line.
    Debugger = 2,
}

/// The circle of tasks.
pub struct Rota {
    states: Vec<State>,
    /// Who holds each: bits of [`Holder`].
    held: Vec<u8>,
    last: usize,
}

impl Rota {
    /// A circle of `tasks` runnable tasks; number 0 is first.
    pub fn new(tasks: usize) -> Self {
        let (states, held) = (alloc::vec![State::Runnable; tasks], alloc::vec![0; tasks]);
        Self { states, held, last: tasks.saturating_sub(1) }
    }

    /// Chooses, at the time `now`.
    pub fn choose(&mut self, now: Nanos) -> Choice {
        let count = self.states.len();
        let mut circle = (1..=count).map(|step| (self.last + step) % count);
        if let Some(task) = circle.find(|&task| self.is_due(task, now)) {
            self.last = task;
            return Choice::Run(task);
        }
        let wake_ups = self.states.iter().zip(&self.held).filter_map(|(state, held)| match state {
            State::Ended => None,
            State::Blocked(until) if *held == 0 => Some(*until),
            State::Blocked(_) | State::Runnable => Some(Nanos::NEVER),
        });
        wake_ups.min().map_or(Choice::Done, Choice::Sleep)
    }

    /// What task `task` waits for.
    pub fn state(&self, task: usize) -> State {
        self.states[task]
    }

    /// Notes what task `task` waits for after its turn.
    pub fn note(&mut self, task: usize, state: State) {
        self.states[task] = state;
    }

    /// Something has come for `task`: if it sleeps it should have a look.
    pub fn wake(&mut self, task: usize) {
        if matches!(self.states[task], State::Blocked(_)) {
            self.states[task] = State::Runnable;
        }
    }

    /// Something happened: whoever sleeps should have a look.
    pub fn wake_all(&mut self) {
        (0..self.states.len()).for_each(|task| self.wake(task));
    }

    /// `task` gets no turn until whoever holds it has let go.
    pub fn hold(&mut self, task: usize, by: Holder) {
        self.held[task] |= by as u8;
    }

    /// `by` does not hold `task` any more.
    pub fn release(&mut self, task: usize, by: Holder) {
        self.held[task] &= !(by as u8);
    }

    /// Whether `by` holds `task`.
    pub fn is_held(&self, task: usize, by: Holder) -> bool {
        self.held[task] & by as u8 != 0
    }

    /// Tasks that have not ended.
    pub fn live(&self) -> usize {
        self.states.iter().filter(|&&state| state != State::Ended).count()
    }

    fn is_due(&self, task: usize, now: Nanos) -> bool {
        match self.states[task] {
            _ if self.held[task] != 0 => false,
            State::Runnable => true,
            State::Blocked(until) => until <= now,
            State::Ended => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runnable_tasks_take_turns() {
        let mut rota = Rota::new(3);
        rota.note(1, State::Ended);
        let turns: Vec<Choice> = (0..4).map(|_| rota.choose(Nanos(0))).collect();
        assert_eq!(turns, [Choice::Run(0), Choice::Run(2), Choice::Run(0), Choice::Run(2)]);
    }

    #[test]
    fn when_all_sleep_so_does_the_cpu_until_the_first_is_due() {
        let mut rota = Rota::new(2);
        rota.note(0, State::Blocked(Nanos(70)));
        rota.note(1, State::Blocked(Nanos(50)));
        assert_eq!(rota.choose(Nanos(10)), Choice::Sleep(Nanos(50)));
        assert_eq!(rota.choose(Nanos(50)), Choice::Run(1));
    }

    #[test]
    fn an_interrupt_wakes_sleepers_but_not_the_dead() {
        let mut rota = Rota::new(2);
        rota.note(0, State::Ended);
        rota.note(1, State::Blocked(Nanos::NEVER));
        rota.wake_all();
        assert_eq!(rota.choose(Nanos(0)), Choice::Run(1));
        rota.note(1, State::Ended);
        assert_eq!(rota.choose(Nanos(0)), Choice::Done);
    }

    #[test]
    fn a_packet_wakes_its_receiver_and_nobody_else() {
        let mut rota = Rota::new(3);
        (0..3).for_each(|task| rota.note(task, State::Blocked(Nanos::NEVER)));
        rota.wake(1);
        assert_eq!(rota.choose(Nanos(0)), Choice::Run(1));
        rota.note(1, State::Ended);
        rota.wake(1);
        assert_eq!(rota.choose(Nanos(0)), Choice::Sleep(Nanos::NEVER));
    }

    #[test]
    fn a_held_task_has_no_turn_until_the_last_has_let_go() {
        let mut rota = Rota::new(2);
        rota.hold(0, Holder::Monitor);
        rota.hold(0, Holder::Debugger);
        assert_eq!(rota.choose(Nanos(0)), Choice::Run(1));
        rota.note(1, State::Blocked(Nanos(90)));
        rota.note(0, State::Blocked(Nanos(50)));
        assert_eq!(rota.choose(Nanos(60)), Choice::Sleep(Nanos(90)), "its alarm waits too");
        rota.release(0, Holder::Monitor);
        assert!(rota.is_held(0, Holder::Debugger) && !rota.is_held(0, Holder::Monitor));
        assert_eq!(rota.choose(Nanos(60)), Choice::Sleep(Nanos(90)));
        rota.release(0, Holder::Debugger);
        assert_eq!(rota.choose(Nanos(60)), Choice::Run(0));
    }

    #[test]
    fn a_task_that_is_held_is_not_done() {
        let mut rota = Rota::new(1);
        rota.hold(0, Holder::Monitor);
        assert_eq!(rota.choose(Nanos(0)), Choice::Sleep(Nanos::NEVER));
        rota.note(0, State::Ended);
        assert_eq!(rota.choose(Nanos(0)), Choice::Done);
    }

    #[test]
    fn nobody_is_done_at_once() {
        assert_eq!(Rota::new(0).choose(Nanos(0)), Choice::Done);
    }
}
