//! The Host's own mistakes, made on request: each must end in a dump a person can read, and in
//! exit code 3.

use emulated::{Bochs, Boot, Outcome, Qemu};

fn boot(word: &str) -> Boot {
    let boot = Boot::guest("demo", "");
    let options = format!("{} selftest={word}", boot.options);
    Boot { options, ..boot }
}

fn is_dumped(outcome: &Outcome, words: &str) {
    assert_eq!(outcome.exit_code(), Some(3), "{}", outcome.log);
    let mut lines = outcome.host_lines();
    assert!(lines.any(|line| line.contains(words)), "no Host line says {words:?}:\n{}", outcome.log);
}

fn dumps_in_qemu(word: &str, words: &str) {
    is_dumped(&Qemu::kernel(&boot(word)).start().finish(), words);
}

#[test]
fn a_broken_promise_is_told_with_its_place() {
    dumps_in_qemu("panic", "this is a test");
}

#[test]
fn a_null_pointer_faults() {
    dumps_in_qemu("null", "#PF");
}

#[test]
fn text_cannot_be_written() {
    dumps_in_qemu("text", "#PF");
}

#[test]
fn a_division_by_zero_is_told() {
    dumps_in_qemu("divide", "#DE");
}

#[test]
fn a_vector_without_a_gate_is_told() {
    dumps_in_qemu("gate", "#GP");
}

#[test]
fn a_stack_that_runs_out_still_tells_a_double_fault() {
    dumps_in_qemu("stack", "#DF");
}

#[test]
fn a_stack_that_runs_out_tells_it_in_bochs_too() {
    is_dumped(&Bochs::grub(&boot("stack")).start().finish(), "#DF");
}

#[test]
fn what_a_guest_did_whose_turn_it_was_is_told() {
    let outcome = Qemu::kernel(&boot("turn")).start().finish();
    is_dumped(&outcome, "panic: this is a test, in a Guest's turn");
    let events =
        outcome.log.lines().filter(|line| line.starts_with("guest demo:   ") && line.contains(" us "));
    assert!(events.count() >= 3, "{}", outcome.log);
}

#[test]
fn an_nmi_in_the_host_is_counted_and_does_no_harm() {
    let mut session = Qemu::kernel(&boot("nmi")).start();
    session.wait_for("host: selftest=nmi: 1 counted");
    session.wait_for("demo> ");
    session.send("poweroff\n");
    assert_eq!(session.finish().exit_code(), Some(0));
}
