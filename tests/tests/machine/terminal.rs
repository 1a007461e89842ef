//! One serial line, several Guests: who is heard, whom typing is for, what is kept.

use emulated::{Bochs, Boot, Qemu, Session, artefacts};

use crate::demo::PROMPT;

/// Two demos on one line, both at their prompts.
fn two_demos(start: impl FnOnce(&Boot) -> Session) -> Session {
    let boot = Boot::guest("demo", "").with(artefacts::guest("demo"), "guest name=second mem=4M --");
    let mut session = start(&boot);
    session.wait_for(PROMPT);
    session.wait_for(PROMPT);
    session
}

fn in_qemu(boot: &Boot) -> Session {
    Qemu::kernel(boot).start()
}

fn in_bochs(boot: &Boot) -> Session {
    Bochs::grub(boot).start()
}

/// Ends the Guest that has the focus.
fn power_off(session: &mut Session, name: &str) {
    session.send("poweroff\n");
    session.wait_for(&format!("guest {name}: powered off: "));
}

fn the_focus_moves(mut session: Session) {
    session.send("mem\n");
    session.wait_for("16 MiB in all");
    session.send("\x012");
    session.wait_for("guest second: has the focus\ndemo> ");
    session.send("mem\n");
    session.wait_for("4 MiB in all");
    session.send("\x01n");
    session.wait_for("guest demo: has the focus\ndemo> ");
    session.send("mem\n");
    session.wait_for("16 MiB in all");
    power_off(&mut session, "demo");
    // It goes by itself to whoever is left.
    power_off(&mut session, "second");
    assert_eq!(session.finish().exit_code(), Some(0));
}

#[test]
fn ctrl_a_moves_the_focus_in_qemu() {
    the_focus_moves(two_demos(in_qemu));
}

#[test]
fn ctrl_a_moves_the_focus_in_bochs() {
    the_focus_moves(two_demos(in_bochs));
}

/// All of it at once, as a script would: the keys are obeyed in their place.
#[test]
fn a_script_may_type_for_several_guests() {
    let mut session = two_demos(in_qemu);
    session.send("echo for one\n\x012echo for two\npoweroff\n\x011poweroff\n");
    let log = session.finish().log;
    for line in ["for one", "for two"] {
        assert!(log.lines().any(|heard| heard == line), "{line} is not a line of\n{log}");
    }
}

#[test]
fn what_is_left_of_a_script_goes_to_the_next_guest() {
    let mut session = two_demos(in_qemu);
    session.send("poweroff\npoweroff\n");
    let outcome = session.finish();
    for name in ["demo", "second"] {
        let ends = outcome.guest_lines(name).filter(|line| line.starts_with("powered off: ")).count();
        assert_eq!(ends, 1, "{}", outcome.log);
    }
}

#[test]
fn the_keys_are_explained() {
    let mut session = two_demos(in_qemu);
    session.send("\x01?");
    session.wait_for("host: Ctrl-A 1 to 9");
    session.wait_for("host:   1 demo, has the focus\n");
    session.wait_for("host:   2 second\n");
    // Unfinished, or not a key at all, and typing goes on.
    session.send("\x01z\x01\x1b");
    session.send("echo still here\n");
    session.wait_for("\nstill here\n");
}

#[test]
fn the_output_of_others_is_kept_while_it_is_hidden() {
    let mut session = two_demos(in_qemu);
    session.send("\x01b");
    session.wait_for("host: guests without the focus are hidden");
    session.send("\x012echo one two\n");
    session.wait_for("\none two\n");
    session.send("\x011");
    session.wait_for("guest demo: has the focus\n");
    session.send("echo three four\n");
    session.wait_for("\nthree four\n");
    // What the Host says of a hidden Guest is not hidden.
    session.send("\x012poweroff\n\x011");
    session.wait_for("guest second: powered off: ");
    session.send("\x012");
    session.wait_for("guest second: has the focus, but has ended\n");
    session.send("\x01l");
    session.wait_for("host: the last ");
    let kept = session.wait_for("Goodbye.\n");
    assert!(kept.contains("\none two\n") && !kept.contains("three four"), "{kept}");
}

/// A Guest that sleeps for good but for its console, beside one that never sleeps.
#[test]
fn typing_reaches_a_guest_beside_one_that_never_sleeps() {
    let boot = Boot::guest("demo", "")
        .with(artefacts::guest("hostile_spin"), "guest name=spin mem=3M -- for=9999999");
    let mut session = Qemu::kernel(&boot).start();
    session.wait_for(PROMPT);
    session.send("echo over here\n");
    session.wait_for("\nover here\n");
}

/// Bytes of all kinds, Ctrl-A and what may follow it among them, for a Guest that reads none of it
/// and one that tries to.
#[test]
fn a_noisy_line_hangs_nothing() {
    let boot =
        Boot::guest("sleeper", "until=5000").with(artefacts::guest("demo"), "guest name=demo mem=4M --");
    let mut session = in_qemu(&boot);
    session.wait_for(PROMPT);
    let noise: String = (0..4000_u32).map(|n| char::from((n * n / 7 % 0x7F) as u8)).collect();
    session.send(&noise);
    // Whatever the noise ended with ends here; Ctrl-U drops what it left of a line.
    session.send("x\x012\x15echo quiet again\n");
    session.wait_for("\nquiet again\n");
    session.send("poweroff\n");
    assert_eq!(session.finish().agreed_exit_code(), 0);
}

/// Beside another Guest lines are shown when they are whole; the last one may never be.
#[test]
fn an_unfinished_last_line_comes_before_the_end() {
    let boot = Boot::guest("unfinished_last_line", "")
        .with(artefacts::guest("sleeper"), "guest name=other mem=3M -- until=500");
    let log = Qemu::kernel(&boot).counted().start().finish().log;
    assert!(log.contains("this line has no end\nguest unfinished_last_line: powered off: "), "{log}");
}

/// The numbers of a line of `key=value` words, without their units.
fn value(line: &str, key: &str) -> f64 {
    let word = line.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    let word = word.unwrap_or_else(|| panic!("no {key}= in {line}"));
    word.trim_end_matches(['s', 'M']).parse().unwrap_or_else(|_| panic!("{key}={word} is no number"))
}

#[test]
fn each_end_tells_what_was_used() {
    let mut session = in_qemu(&Boot::guest("demo", ""));
    session.wait_for(PROMPT);
    session.send("reboot\n");
    session.wait_for(PROMPT);
    session.send("fault\npoweroff\n");
    let outcome = session.finish();
    let used: Vec<&str> = outcome.guest_lines("demo").filter(|line| line.starts_with("used ")).collect();
    let exits: Vec<&str> = outcome.guest_lines("demo").filter(|line| line.starts_with("exits ")).collect();
    assert_eq!((used.len(), exits.len()), (2, 2), "one for each life:\n{}", outcome.log);
    for line in used {
        assert!(value(line, "cpu") <= value(line, "wall") && value(line, "wall") < 120.0, "{line}");
        assert_eq!(value(line, "memory"), 16.0);
        assert!(value(line, "peak") >= 1.0 && line.contains("tables="), "{line}");
    }
    for line in exits {
        let kinds = ["hypercall", "page-fault", "protection", "fpu", "exception", "interrupt"];
        assert_eq!(kinds.iter().map(|kind| value(line, kind)).sum::<f64>(), value(line, "all"), "{line}");
        assert!(value(line, "hypercall") > 10.0 && value(line, "page-fault") > 1.0, "{line}");
    }
}

#[test]
fn a_killed_guest_tells_what_it_used_too() {
    let outcome = in_qemu(&Boot::guest("kill_double_fault", "")).finish();
    let after: Vec<&str> =
        outcome.guest_lines("kill_double_fault").skip_while(|line| !line.starts_with("killed: ")).collect();
    assert!(after.iter().any(|line| line.starts_with("used cpu=")), "{}", outcome.log);
    assert!(after.iter().any(|line| line.starts_with("exits all=")), "{}", outcome.log);
}

#[test]
fn the_terminal_has_the_size_the_host_was_told() {
    let mut boot = Boot::guest("console_size", "expect=132x43");
    boot.options += " console=132x43";
    let outcome = in_qemu(&boot).finish();
    assert!(outcome.log.contains("test: PASS console_size"), "{}", outcome.log);
    boot.options = "debug-exit console=big".into();
    let outcome = in_qemu(&boot).finish();
    assert_eq!(outcome.agreed_exit_code(), 2);
    assert!(outcome.log.contains("host: bad size in \"console=big\""), "{}", outcome.log);
}
