//! The scheduler: which Launcher task gets the CPU next.
//!
//! A task is runnable, blocked until a point in time, or at its end. Turns go
//! round in order; a task that sleeps costs nothing but its place in the
//! circle. When all sleep, the CPU does too, until the first of them is due or
//! an interrupt of the Host changes something.
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

/// The circle of tasks.
pub struct Rota {
    states: Vec<State>,
    last: usize,
}

impl Rota {
    /// A circle of `tasks` runnable tasks; number 0 is first.
    pub fn new(tasks: usize) -> Self {
        Self { states: alloc::vec![State::Runnable; tasks], last: tasks.saturating_sub(1) }
    }

    /// Chooses, at the time `now`.
    pub fn choose(&mut self, now: Nanos) -> Choice {
        let count = self.states.len();
        let mut circle = (1..=count).map(|step| (self.last + step) % count);
        if let Some(task) = circle.find(|&task| self.is_due(task, now)) {
            self.last = task;
            return Choice::Run(task);
        }
        let wake_ups = self.states.iter().filter_map(|state| match state {
            State::Blocked(until) => Some(*until),
            State::Runnable | State::Ended => None,
        });
        wake_ups.min().map_or(Choice::Done, Choice::Sleep)
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

    /// Tasks that have not ended.
    pub fn live(&self) -> usize {
        self.states.iter().filter(|&&state| state != State::Ended).count()
    }

    fn is_due(&self, task: usize, now: Nanos) -> bool {
        match self.states[task] {
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
    fn nobody_is_done_at_once() {
        assert_eq!(Rota::new(0).choose(Nanos(0)), Choice::Done);
    }
}
