//! The scheduler: which Launcher task gets the CPU next, and for how long.
//!
//! A task is runnable, blocked until a point in time, or at its end. Turns go
//! round in order; a task that sleeps costs nothing but its place in the
//! circle. When all sleep, the CPU does too, until the first of them is due or
//! an interrupt of the Host changes something.
//!
//! A turn is [`TURN`] long. What a task used beyond it, and what the Host did
//! for it between turns, is a debt, and its next turns are shorter by that, or
//! are left out: so in the long run equals get equal shares, whatever they make
//! the Host do. Nobody can save turns up. (This is deficit round robin.)
//!
//! ```text
//!   credit   TURN |\        |\         debts: |          |\
//!               0 |_\_______|_\______________|__________|_\____
//!                 | turn  | \ overrun ------>|  left out|
//! ```
//!
//! Whoever looks into a Guest may hold its task meanwhile. Several may, each on
//! its own account, and it goes on when the last has let go.
//!
//! Invariants:
//! - Between two turns of a runnable task each of the others has one at most
//!   (`an_overrun_is_paid_back_and_nobody_else_waits_for_it`).
//! - Nobody waits for ever: a debt has an end, and when all are in debt the
//!   least indebted runs (`when_all_are_in_debt_somebody_runs`).
//!
//! Source: Shreedhar and Varghese, "Efficient Fair Queuing Using Deficit Round-Robin", 1996.
//!
//! Next on the tour: the machine, from `main.rs`.

use alloc::vec::Vec;

use abi::Nanos;

/// What a task gets at a time while others wait: nobody waits longer for each of them.
pub const SLICE: Nanos = Nanos::from_millis(10);
/// How much of that is kept for the exit that is under way when the alarm goes off, and for what the
/// Host does between two turns.
pub const LEEWAY: Nanos = Nanos::from_millis(1);
/// What a task is given for a turn.
pub const TURN: Nanos = LEEWAY.until(SLICE);
/// A turn with less left of it than this is over: it would not be worth the switch.
const SHORTEST: i64 = 50_000;
/// Nobody is ever deeper in debt.
const DEEPEST: i64 = -1_000_000_000;

/// What a task is waiting for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// The CPU.
    Runnable,
    /// The CPU, but not before the others have had their turn.
    Yields,
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

/// A task's place in the circle.
#[derive(Clone, Copy)]
struct Place {
    state: State,
    /// Who holds it: bits of [`Holder`].
    held: u8,
    /// Nanoseconds left of its turn, or of its debt.
    credit: i64,
}

impl Place {
    fn is_due(&self, now: Nanos) -> bool {
        match self.state {
            _ if self.held != 0 => false,
            State::Runnable | State::Yields => true,
            State::Blocked(until) => until <= now,
            State::Ended => false,
        }
    }

    /// Begins a turn with what the debt leaves of it; true if that is anything.
    fn is_given_a_turn(&mut self) -> bool {
        self.credit = self.credit.saturating_add(TURN.0 as i64).min(TURN.0 as i64);
        self.credit > 0
    }
}

/// The circle of tasks.
pub struct Rota {
    places: Vec<Place>,
    /// Whose turn it is, or was last.
    last: usize,
}

impl Rota {
    /// A circle of `tasks` runnable tasks; number 0 is first.
    pub fn new(tasks: usize) -> Self {
        let fresh = Place { state: State::Runnable, held: 0, credit: 0 };
        Self { places: alloc::vec![fresh; tasks], last: tasks.saturating_sub(1) }
    }

    /// Chooses, at the time `now`: the task whose turn it is, or the next in the circle.
    pub fn choose(&mut self, now: Nanos) -> Choice {
        if self.goes_on() {
            return Choice::Run(self.last);
        }
        if let Some(task) = self.next_turn(now) {
            return Choice::Run(task);
        }
        let debts = self.places.iter().filter(|place| place.is_due(now)).map(|place| place.credit);
        if let Some(smallest) = debts.max() {
            self.forgive(smallest, now);
            return self.next_turn(now).map_or(Choice::Done, Choice::Run);
        }
        let wake_ups = self.places.iter().filter_map(|place| match place.state {
            State::Ended => None,
            State::Blocked(until) if place.held == 0 => Some(until),
            State::Blocked(_) | State::Runnable | State::Yields => Some(Nanos::NEVER),
        });
        wake_ups.min().map_or(Choice::Done, Choice::Sleep)
    }

    /// Whether the turn of the last one is not over.
    fn goes_on(&self) -> bool {
        let place = self.places.get(self.last);
        place.is_some_and(|place| {
            place.state == State::Runnable && place.held == 0 && place.credit >= SHORTEST
        })
    }

    /// Goes round once, to whoever is due and not in debt.
    fn next_turn(&mut self, now: Nanos) -> Option<usize> {
        let count = self.places.len();
        let mut circle = (1..=count).map(|step| (self.last + step) % count);
        let next =
            circle.find(|&task| self.places[task].is_due(now) && self.places[task].is_given_a_turn())?;
        self.last = next;
        Some(next)
    }

    /// Forgives all who are due the `smallest` of their debts: they need not wait for each other.
    fn forgive(&mut self, smallest: i64, now: Nanos) {
        for place in self.places.iter_mut().filter(|place| place.is_due(now)) {
            place.credit -= smallest;
        }
    }

    /// How long the turn of `task` may still last.
    pub fn slice(&self, task: usize) -> Nanos {
        Nanos(self.places[task].credit.max(SHORTEST) as u64)
    }

    /// Charges `task` for what it used, or made the Host use.
    pub fn charge(&mut self, task: usize, used: Nanos) {
        let used = i64::try_from(used.0).unwrap_or(i64::MAX);
        let credit = &mut self.places[task].credit;
        *credit = credit.saturating_sub(used).max(DEEPEST);
    }

    /// What task `task` waits for.
    pub fn state(&self, task: usize) -> State {
        self.places[task].state
    }

    /// Notes what task `task` waits for after a step.
    pub fn note(&mut self, task: usize, state: State) {
        self.places[task].state = state;
    }

    /// Something has come for `task`: if it sleeps it should have a look.
    pub fn wake(&mut self, task: usize) {
        if matches!(self.places[task].state, State::Blocked(_)) {
            self.places[task].state = State::Runnable;
        }
    }

    /// Something happened: whoever sleeps should have a look.
    pub fn wake_all(&mut self) {
        (0..self.places.len()).for_each(|task| self.wake(task));
    }

    /// `task` gets no turn until whoever holds it has let go.
    pub fn hold(&mut self, task: usize, by: Holder) {
        self.places[task].held |= by as u8;
    }

    /// `by` does not hold `task` any more.
    pub fn release(&mut self, task: usize, by: Holder) {
        self.places[task].held &= !(by as u8);
    }

    /// Whether `by` holds `task`.
    pub fn is_held(&self, task: usize, by: Holder) -> bool {
        self.places[task].held & by as u8 != 0
    }

    /// Whether anybody holds `task`.
    pub fn is_held_at_all(&self, task: usize) -> bool {
        self.places[task].held != 0
    }

    /// Tasks that have not ended.
    pub fn live(&self) -> usize {
        self.places.iter().filter(|place| place.state != State::Ended).count()
    }
}

#[cfg(test)]
#[path = "sched_tests.rs"]
mod tests;
