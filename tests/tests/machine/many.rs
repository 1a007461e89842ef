//! Many Guests: all that the loader brings run, or those too many are refused, each in a sentence.
//!
//! The Host's notes about them come out of a heap that is measured by what is configured. It must
//! never grow once the Guests run, and no frame may be missing behind them.

use emulated::scratch::Scratch;
use emulated::{Boot, Outcome, Qemu, artefacts};

/// Boots `count` Guests that greet, with `words` on each one's line, in a machine of `megs` MiB.
fn boot(count: usize, words: &str, megs: u32, options: &str) -> Outcome {
    let bare = Boot { options: format!("debug-exit {options}"), ..Boot::bare() };
    let boot = (0..count).fold(bare, |boot, number| {
        boot.with(artefacts::guest("hello"), format!("guest name=g{number} {words} --"))
    });
    let megs = megs.to_string();
    // Some of what the Host may be told to do wants a second line.
    let scratch = Scratch::new();
    let machine = Qemu::kernel(&boot).options(&["-m", &megs]).second_line(&scratch.path("second.line"));
    machine.start().finish()
}

/// Checks that so many ran and the others were told of by their names, and that nothing is left.
#[track_caller]
fn ran(outcome: &Outcome, count: usize, of: usize) {
    let log = &outcome.log;
    assert_eq!(log.matches("test: PASS hello").count(), count, "{log}");
    let refused = (0..of).filter(|number| {
        let (before, inside) = (format!("guest g{number}: "), format!("(guest g{number})"));
        outcome.host_lines().any(|line| line.starts_with(&before) || line.contains(&inside))
    });
    assert_eq!(refused.filter(|_| count < of).count(), of - count, "{log}");
    assert_eq!(outcome.agreed_exit_code(), if count == of { 0 } else { 2 }, "{log}");
    let frames = outcome.frames().unwrap();
    assert_eq!(frames.free, frames.total, "{log}");
    assert!(!log.contains("beyond what was added up"), "{log}");
}

#[test]
fn as_many_guests_as_the_loader_can_bring_all_run() {
    ran(&boot(60, "mem=4M", 768, ""), 60, 60);
}

#[test]
fn guests_with_a_card_all_run() {
    ran(&boot(24, "mem=4M net=lan", 512, ""), 24, 24);
    ran(&boot(24, "mem=4M net=lan bus=pci", 512, "com2=monitor"), 24, 24);
}

#[test]
fn cards_too_many_for_a_network_are_refused_and_the_rest_run() {
    ran(&boot(40, "mem=4M net=lan", 768, ""), 31, 40);
}

#[test]
fn guests_too_many_for_the_machine_are_refused_and_the_rest_run() {
    let outcome = boot(31, "mem=2M net=lan", 32, "");
    let count = outcome.log.matches("test: PASS hello").count();
    assert!(count > 0, "{}", outcome.log);
    ran(&outcome, count, 31);
}

#[test]
fn modules_beyond_the_limit_are_counted_and_the_rest_run() {
    let outcome = boot(130, "mem=3072M", 256, "");
    assert!(
        outcome.host_lines().any(|line| line.starts_with("2 modules more than the 128")),
        "{}",
        outcome.log
    );
    ran(&outcome, 0, 128);
}
