//! Turns, one after the other, with what each cost.

use super::*;

/// One step, which is charged with `used`; whose it was.
fn turn(rota: &mut Rota, used: Nanos) -> usize {
    let Choice::Run(task) = rota.choose(Nanos(0)) else { panic!("somebody is runnable") };
    rota.charge(task, used);
    task
}

#[test]
fn a_turn_has_as_many_steps_as_fit_into_it() {
    let mut rota = Rota::new(2);
    assert_eq!(rota.slice(0), Nanos(SHORTEST as u64));
    let third = Nanos(TURN.0 / 3);
    let turns: Vec<usize> = (0..8).map(|_| turn(&mut rota, third)).collect();
    assert_eq!(turns, [0, 0, 0, 1, 1, 1, 0, 0]);
    assert_eq!(rota.slice(0), third);
}

#[test]
fn one_that_yields_lets_the_others_have_their_turn_first() {
    let mut rota = Rota::new(2);
    assert_eq!(turn(&mut rota, Nanos(1)), 0);
    rota.note(0, State::Yields);
    assert_eq!(turn(&mut rota, Nanos(1)), 1);
    rota.note(1, State::Blocked(Nanos::NEVER));
    assert_eq!(turn(&mut rota, Nanos(1)), 0, "there are no others");
}

#[test]
fn an_overrun_is_paid_back_and_nobody_else_waits_for_it() {
    let mut rota = Rota::new(3);
    assert_eq!(turn(&mut rota, TURN.after(TURN).after(Nanos::from_millis(4))), 0);
    let turns: Vec<usize> = (0..6).map(|_| turn(&mut rota, TURN)).collect();
    assert_eq!(turns, [1, 2, 1, 2, 0, 1], "it is left out once");
    let mut rota = Rota::new(2);
    turn(&mut rota, TURN.after(Nanos::from_millis(4)));
    turn(&mut rota, TURN);
    assert_eq!(rota.choose(Nanos(0)), Choice::Run(0));
    assert_eq!(rota.slice(0), Nanos::from_millis(4).until(TURN), "the rest of a turn");
}

#[test]
fn what_the_host_does_for_a_task_between_turns_is_charged_too() {
    let mut rota = Rota::new(2);
    turn(&mut rota, TURN);
    rota.charge(0, Nanos::from_millis(2));
    rota.charge(1, Nanos::from_millis(3));
    assert_eq!(rota.choose(Nanos(0)), Choice::Run(1));
    assert_eq!(rota.slice(1), Nanos::from_millis(3).until(TURN));
}

#[test]
fn nobody_saves_turns_up() {
    let mut rota = Rota::new(2);
    rota.note(0, State::Blocked(Nanos(1)));
    (0..100).for_each(|_| assert_eq!(turn(&mut rota, TURN), 1));
    assert_eq!(rota.choose(Nanos(1)), Choice::Run(0));
    assert_eq!(rota.slice(0), TURN);
}

#[test]
fn when_all_are_in_debt_somebody_runs() {
    let mut rota = Rota::new(2);
    rota.charge(0, Nanos::NEVER);
    rota.charge(1, Nanos::from_millis(50));
    assert_eq!(turn(&mut rota, TURN), 1);
    assert_eq!(turn(&mut rota, TURN), 1, "the other owes more");
    rota.note(1, State::Blocked(Nanos::NEVER));
    assert_eq!(turn(&mut rota, TURN), 0);
}

/// Four who overrun by as much as they can, each turn: the fifth still gets its fifth.
#[test]
fn those_who_overrun_each_time_get_no_more_than_others() {
    let mut rota = Rota::new(5);
    let (mut used, mut all, mut longest, mut gap) = (0, 0, 0, 0);
    for _ in 0..1000 {
        let Choice::Run(task) = rota.choose(Nanos(0)) else { panic!("all are runnable") };
        let slice = rota.slice(task).0;
        let took = if task == 4 { slice } else { slice + 2_000_000 };
        rota.charge(task, Nanos(took));
        all += took;
        if task == 4 {
            (used, longest, gap) = (used + took, longest.max(gap), 0);
        } else {
            gap += took;
        }
    }
    assert!(used * 5 * 100 >= all * 95, "{used} of {all}");
    assert!(longest <= 4 * SLICE.0 + 5_000_000, "{longest}");
}

#[test]
fn runnable_tasks_take_turns() {
    let mut rota = Rota::new(3);
    rota.note(1, State::Ended);
    let turns: Vec<usize> = (0..4).map(|_| turn(&mut rota, TURN)).collect();
    assert_eq!(turns, [0, 2, 0, 2]);
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
