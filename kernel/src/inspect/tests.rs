//! The monitor over a world of two Guests.

use super::*;
use crate::scripted::{Ram, ScriptedCpu, running_guest};
use proptest::prelude::*;

/// Two Guests, the second of which has ended.
struct Village {
    guest: Guest<Ram>,
    life: Life,
    acts: Vec<(usize, Act)>,
}

impl World for Village {
    type Memory = Ram;

    fn guest(&self, number: usize) -> Option<Known<'_, Ram>> {
        let (name, guest) = [("one", Some(&self.guest)), ("two", None)].into_iter().nth(number)?;
        let state = if guest.is_some() { "runs" } else { "ended" };
        Some(Known { name, state, guest, life: &self.life, symbols: Symbols::new(b"00001000 T start\n") })
    }

    fn focus(&self) -> usize {
        0
    }

    fn now(&self) -> Nanos {
        Nanos(1_000_000)
    }

    fn tsc(&self) -> Tsc {
        Tsc { now: 1_000_000, khz: 1_000_000 }
    }

    fn devices(&self, _number: usize) -> Vec<Device> {
        Vec::new()
    }

    fn log(&self) -> Vec<String> {
        vec!["host: hello".into()]
    }

    fn act(&mut self, number: usize, act: Act) {
        self.acts.push((number, act));
    }
}

fn village() -> Village {
    let mut guest = running_guest(&mut ScriptedCpu::default());
    guest.regs.eip = 0x1004;
    Village { guest, life: Life::begin(16, Nanos(0)), acts: Vec::new() }
}

fn ask(asker: &mut Asker, world: &mut Village, line: &str) -> Answer {
    asker.ask(&line.split_ascii_whitespace().collect::<Vec<_>>(), world)
}

/// The answer to one line, in a new village.
fn answer(line: &str) -> String {
    ask(&mut Asker::default(), &mut village(), line).to_string()
}

#[test]
fn all_guests_are_listed() {
    let rows = "1  one          runs     16 MiB  has the focus\n2  two          ended    16 MiB\n";
    assert_eq!(answer("guests"), rows);
}

#[test]
fn questions_are_about_the_guest_that_is_meant() {
    let (mut asker, mut world) = (Asker::default(), village());
    let mut said = |line| ask(&mut asker, &mut world, line).to_string();
    assert!(said("regs").contains("eip 00001004  ring 1  start+0x4"));
    assert_eq!(said("regs @two"), "guest two has ended\n");
    assert_eq!(said("@2"), "guest two: is meant from now on\n");
    assert_eq!(said("regs"), "guest two has ended\n");
    assert!(said("regs @1").contains("eip 00001004"));
    assert_eq!(said("@nobody pause"), "there is no guest \"nobody\"\n");
}

#[test]
fn what_is_done_to_a_guest_is_done_by_the_world() {
    let (mut asker, mut world) = (Asker::default(), village());
    for (line, act, what) in [
        ("pause", Act::Pause, "paused"),
        ("resume @1", Act::Resume, "resumed"),
        ("restart", Act::Restart, "restarted"),
        ("kill @one", Act::Kill, "killed"),
    ] {
        assert_eq!(ask(&mut asker, &mut world, line).to_string(), format!("guest one: {what}\n"));
        assert_eq!(world.acts.pop(), Some((0, act)));
    }
    assert_eq!(ask(&mut asker, &mut world, "kill @two").to_string(), "guest two has ended\n");
    assert!(world.acts.is_empty());
}

#[test]
fn a_trace_is_filtered_by_kind_and_cut() {
    let all = answer("trace");
    assert!(all.contains("exit   hypercall") || all.contains("call   "), "{all}");
    let calls = answer("trace call");
    assert!(calls.lines().all(|line| line.contains(" call ")) && calls != "none\n", "{calls}");
    assert_eq!(answer("trace call 1").lines().count(), 1);
    assert_eq!(answer("trace nothing"), "none\n");
}

#[test]
fn places_are_found_by_the_guests_registers_and_symbols() {
    assert!(answer("x eip-4 4").starts_with("00001000  00 00 00 00"));
    assert!(answer("walk start").starts_with("linear 00001000, no tables\n"));
    assert_eq!(answer("x nobody"), "\"nobody\" is no register, symbol or number; numbers are hexadecimal\n");
}

#[test]
fn every_command_has_an_answer_in_both_tongues() {
    for entry in command::COMMANDS {
        let line = format!("{} {}", entry.name, if entry.words.starts_with("PLACE") { "esp" } else { "" });
        let (mut asker, mut world) = (Asker::default(), village());
        let answer = ask(&mut asker, &mut world, &line);
        assert!(!matches!(answer, Answer::Error(_)), "{line}: {answer}");
        let (text, json) = (answer.to_string(), answer.json());
        assert!(text.ends_with('\n') && !text.is_empty(), "{line}");
        assert!(json.starts_with("{\"") && json.ends_with('}') && !json.contains('\n'), "{json}");
    }
}

proptest! {
    #[test]
    fn any_line_has_an_answer(line in "(x|xp|walk|trace|idt|@one|@2|pause)? ?\\PC{0,20}") {
        let (mut asker, mut world) = (Asker::default(), village());
        let answer = ask(&mut asker, &mut world, &line);
        prop_assert!(answer.to_string().ends_with('\n'));
        prop_assert!(!answer.json().contains('\n'));
    }
}

/// What is sent back for what comes in.
fn replies(bytes: &[u8]) -> Vec<String> {
    let (mut script, mut world) = (script::Script::default(), village());
    bytes.iter().filter_map(|&byte| script.feed(byte, &mut world)).collect()
}

#[test]
fn each_line_of_a_script_gets_one_line_back() {
    let replies = replies(b"\r\n@2\n  regs\r\ndance\nguests\n");
    assert_eq!(replies.len(), 4);
    assert_eq!(replies[1], "{\"error\":\"guest two has ended\"}\n");
    assert!(replies.iter().all(|reply| reply.ends_with("}\n") && reply.matches('\n').count() == 1));
}

#[test]
fn a_line_that_is_too_long_is_refused_as_one() {
    let long = [b"x".repeat(10_000), b"\nlog\n\xFF\n".to_vec()].concat();
    let said = ["{\"error\":\"the line is too long\"}\n", "{\"log\":[\"host: hello\"]}\n"];
    assert_eq!(replies(&long), [said[0], said[1], "{\"error\":\"the line is no text\"}\n"]);
}
