//! Who tells the other, and when it is not wanted.

use super::*;

#[test]
fn an_interrupt_is_due_once_and_only_if_wanted() {
    let mut bench = bench();
    assert!(!bench.settle());
    for (flags, wanted) in [(0, true), (1, false)] {
        bench.driver.set_available_flags(&mut bench.ram, flags);
        bench.one_round();
        assert_eq!(bench.settle(), wanted);
        assert!(!bench.settle());
    }
}

#[test]
fn an_empty_ring_interrupts_all_the_same_if_that_was_agreed() {
    let mut bench = bench_with(NOTIFY_ON_EMPTY);
    bench.driver.set_available_flags(&mut bench.ram, 1);
    assert!(!bench.settle(), "it is empty, but nothing was given back");
    bench.driver.offer(&mut bench.ram, &[(0, 1, Readable)]);
    bench.one_round();
    assert!(!bench.settle(), "one is left");
    assert_eq!(bench.pop(), Ok(true));
    bench.give_back(0);
    assert!(bench.settle());
}

#[test]
fn an_interrupt_is_due_when_the_used_index_passes_the_event() {
    let mut bench = bench_with(EVENT_IDX);
    bench.driver.set_available_flags(&mut bench.ram, 1);
    bench.one_round();
    assert!(bench.settle(), "at 0, the flags do not count");
    bench.driver.set_used_event(&mut bench.ram, 3);
    for wanted in [false, false, true, false] {
        bench.one_round();
        assert_eq!(bench.settle(), wanted);
    }
    bench.driver.set_used_event(&mut bench.ram, 6);
    (0..4).for_each(|_| bench.one_round());
    assert!(bench.settle(), "passed among others");
}

#[test]
fn a_kick_is_asked_for_at_the_next_chain_if_kicks_are_wanted() {
    let mut bench = bench_with(EVENT_IDX);
    bench.one_round();
    bench.one_round();
    bench.settle();
    assert_eq!(bench.driver.avail_event(&bench.ram), 2);
    bench.queue.want_kicks(&mut bench.ram, false).unwrap();
    bench.one_round();
    bench.settle();
    assert_eq!(bench.driver.avail_event(&bench.ram), 2, "no kick at what comes");
    bench.queue.want_kicks(&mut bench.ram, true).unwrap();
    bench.settle();
    assert_eq!(bench.driver.avail_event(&bench.ram), 3);
}

#[test]
fn events_are_passed_across_the_end_of_the_index() {
    assert!(has_passed(0xFFFF, 0xFFFE, 0));
    assert!(has_passed(0, 0xFFFE, 2));
    assert!(!has_passed(1, 0xFFFE, 1));
    assert!(!has_passed(5, 6, 9));
}

#[test]
fn kicks_are_refused_and_wanted_again_by_the_used_flags() {
    let mut bench = bench();
    bench.queue.want_kicks(&mut bench.ram, false).unwrap();
    assert_eq!(bench.driver.used_flags(&bench.ram), 1);
    bench.queue.want_kicks(&mut bench.ram, true).unwrap();
    assert_eq!(bench.driver.used_flags(&bench.ram), 0);
}
