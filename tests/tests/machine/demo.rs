//! Sessions with the demo Guest, by script, as the README promises them.

use emulated::{Bochs, Boot, Outcome, Qemu, Session, artefacts};

/// What the demo prints when it waits for a command.
pub const PROMPT: &str = "demo> ";

/// Words only this test knows, on the Guest's command line.
const WORDS: &str = "quick brown fox";

fn in_qemu() -> Session {
    at_prompt(Qemu::kernel(&Boot::guest("demo", WORDS)).start())
}

fn in_bochs() -> Session {
    at_prompt(Bochs::grub(&Boot::guest("demo", WORDS)).start())
}

/// Waits for the greeting and the prompt after it.
#[track_caller]
fn at_prompt(mut session: Session) -> Session {
    let greeting = session.wait_for(PROMPT);
    assert!(
        greeting.contains("Hello!") && greeting.contains(WORDS) && greeting.contains("16 MiB"),
        "{greeting}"
    );
    session
}

/// Types a command and returns what comes before the next prompt.
#[track_caller]
fn answer(session: &mut Session, command: &str) -> String {
    session.send(&format!("{command}\n"));
    session.wait_for(PROMPT)
}

/// Types the last command and waits for the machine to end with `code` and no frame missing.
#[track_caller]
fn end(mut session: Session, command: &str, code: u8) -> Outcome {
    session.send(&format!("{command}\n"));
    let outcome = session.finish();
    assert_eq!(outcome.exit_code(), Some(code), "{}", outcome.log);
    let frames = outcome.frames().unwrap();
    assert_eq!(frames.free, frames.total, "{}", outcome.log);
    outcome
}

/// Every command but `crash` and `reboot`, each of which has a test of its own.
fn every_command_answers(mut session: Session) {
    let help = answer(&mut session, "help");
    for command in ["help", "mem", "uptime", "echo", "fault", "user", "crash", "reboot", "poweroff"] {
        assert!(help.contains(command), "help does not mention {command}:\n{help}");
    }
    assert!(answer(&mut session, "mem").contains("16 MiB"));
    assert!(answer(&mut session, "echo one two").contains("\none two\n"));
    let fault = answer(&mut session, "fault");
    assert!(fault.contains("#PF") && fault.contains("now holds 42"), "{fault}");
    let user = answer(&mut session, "user");
    assert!(user.contains("ring 3") && user.contains("\n42, made the exit call"), "{user}");
    assert!(answer(&mut session, "nonsense").contains("nonsense"));
    assert_eq!(answer(&mut session, "").trim(), "");
    let outcome = end(session, "poweroff", 0);
    assert!(outcome.guest_lines("demo").any(|line| line.starts_with("powered off: ")), "{}", outcome.log);
}

#[test]
fn every_command_answers_in_qemu() {
    every_command_answers(in_qemu());
}

#[test]
fn every_command_answers_in_bochs() {
    every_command_answers(in_bochs());
}

/// The number of timer interrupts in the answer to `uptime`.
#[track_caller]
fn ticks(session: &mut Session) -> u32 {
    let answer = answer(session, "uptime");
    let number = answer.split(" timer interrupts").next().and_then(|before| before.rsplit(' ').next());
    number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no number in {answer:?}"))
}

#[test]
fn the_guest_s_clock_ticks_while_nobody_types() {
    let mut session = in_qemu();
    let first = ticks(&mut session);
    while ticks(&mut session) <= first + 10 {}
    end(session, "poweroff", 0);
}

/// What `crash` prints, in order: who and what, the registers, the last exits.
fn is_killed_with_its_story(session: Session) {
    let outcome = end(session, "crash", 1);
    let sentence = outcome.killed("demo").unwrap_or_else(|| panic!("not killed:\n{}", outcome.log));
    assert!(sentence.contains("gate") && sentence.contains("vector 3"), "{sentence}");
    let after = outcome.log.split("killed: ").nth(1).unwrap().to_lowercase();
    for word in ["eip", "esp", "events", "exit", "call"] {
        assert!(after.contains(word), "the dump does not show {word}:\n{}", outcome.log);
    }
}

#[test]
fn a_crash_is_explained_in_qemu() {
    is_killed_with_its_story(in_qemu());
}

#[test]
fn a_crash_is_explained_in_bochs() {
    is_killed_with_its_story(in_bochs());
}

#[test]
fn each_way_to_crash_kills_with_its_own_sentence() {
    let ways = [("memory", "page"), ("call", "hypercall 99"), ("trap", "#DE"), ("stack", "stack")];
    for (way, words) in ways {
        let outcome = end(in_qemu(), &format!("crash {way}"), 1);
        let sentence = outcome.killed("demo").unwrap_or_else(|| panic!("not killed:\n{}", outcome.log));
        assert!(sentence.contains(words), "crash {way}: {sentence}");
    }
}

#[test]
fn a_crash_leaves_the_other_guest_alone() {
    let boot =
        Boot::guest("demo", WORDS).with(emulated::artefacts::guest("hello"), "guest name=other mem=4M --");
    let mut session = Qemu::kernel(&boot).start();
    session.wait_for(PROMPT);
    let outcome = end(session, "crash", 1);
    assert!(outcome.killed("demo").is_some() && outcome.killed("other").is_none(), "{}", outcome.log);
    assert!(outcome.guest_lines("other").any(|line| line.starts_with("powered off: ")), "{}", outcome.log);
}

#[test]
fn fifty_reboots_lose_no_frame() {
    let mut session = in_qemu();
    for _ in 0..50 {
        session.send("reboot\n");
        session = at_prompt(session);
    }
    let outcome = end(session, "poweroff", 0);
    let restarts = outcome.guest_lines("demo").filter(|line| line.starts_with("restarting: ")).count();
    assert_eq!(restarts, 50);
}

#[test]
fn a_reboot_gives_fresh_memory_and_a_fresh_clock() {
    let mut session = in_qemu();
    let memory = answer(&mut session, "mem");
    while ticks(&mut session) < 50 {}
    session.send("reboot\n");
    session = at_prompt(session);
    assert_eq!(answer(&mut session, "mem"), memory);
    assert!(ticks(&mut session) < 50);
    end(session, "poweroff", 0);
}

/// Typed before there is anybody to read it: the bytes wait in the UART and lose nothing.
fn hears_what_was_typed_at_power_on(mut session: Session) {
    session.send("echo typed ahead\n");
    session.wait_for("\ntyped ahead\n");
    session.wait_for(PROMPT);
    end(session, "poweroff", 0);
}

#[test]
fn what_is_typed_at_power_on_is_heard_in_qemu() {
    hears_what_was_typed_at_power_on(Qemu::kernel(&Boot::guest("demo", "")).start());
}

#[test]
fn what_is_typed_at_power_on_is_heard_in_bochs() {
    hears_what_was_typed_at_power_on(Bochs::grub(&Boot::guest("demo", "")).start());
}

#[test]
fn a_line_longer_than_the_uart_s_fifo_arrives_whole() {
    let words = "abcdefghijklmnopqrstuvwxyz ".repeat(4);
    let mut session = in_qemu();
    assert!(answer(&mut session, &format!("echo {words}")).contains(&format!("\n{}\n", words.trim_end())));
    end(session, "poweroff", 0);
}

#[test]
fn a_demo_on_pci_types_restarts_and_ends_like_any_other() {
    let line = format!("guest name=demo mem=16M bus=pci -- {WORDS}");
    let mut session = at_prompt(Qemu::kernel(&Boot::bare().with(artefacts::guest("demo"), line)).start());
    assert!(answer(&mut session, "echo by registers").contains("by registers"));
    session.send("reboot\n");
    let mut session = at_prompt(session);
    assert!(answer(&mut session, "mem").contains("16 MiB in all"));
    end(session, "poweroff", 0);
}
