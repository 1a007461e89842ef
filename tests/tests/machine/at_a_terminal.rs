//! `scripts/run` as a person at a terminal meets it: the keys that are shown are those that work.
//!
//! `script`, of util-linux, gives it a terminal.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use emulated::artefacts;

use crate::demo::PROMPT;
use crate::scripts::TIME_LIMIT;

/// A person at a terminal.
pub struct Person {
    process: Child,
    keyboard: ChildStdin,
    screen: ChildStdout,
}

impl Person {
    /// Types `scripts/run` with `options`.
    pub fn runs(options: &str) -> Self {
        artefacts::host(); // built before the time begins
        artefacts::lab();
        let run = format!("{} {options}", artefacts::root().join("scripts/run").display());
        let mut process = Command::new("timeout")
            .args([TIME_LIMIT, "script", "-qec", &run, "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (keyboard, screen) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        Self { process, keyboard, screen }
    }

    /// Waits until `words` are on the screen.
    #[track_caller]
    pub fn sees(&mut self, words: &str) {
        let mut seen = Vec::new();
        while !seen.ends_with(words.as_bytes()) {
            let mut byte = [0];
            let read = self.screen.read_exact(&mut byte);
            read.unwrap_or_else(|_| panic!("no {words:?} in:\n{}", String::from_utf8_lossy(&seen)));
            seen.push(byte[0]);
        }
    }

    pub fn types(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until it is over; returns the exit code and what was still said.
    pub fn leaves(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.screen.read_to_string(&mut rest).unwrap();
        (self.process.wait().unwrap().code(), rest)
    }
}

#[test]
fn kennel_s_keys_work_as_its_help_shows_them() {
    for options in ["", "--bochs"] {
        let mut person = Person::runs(options);
        person.sees("Ctrl-A ? lists Kennel's keys");
        person.sees(PROMPT);
        person.types("\x01?");
        person.sees("Ctrl-A m  opens the monitor");
        person.sees("Ctrl-A x  leaves");
        person.types("\x01m");
        person.sees("Ctrl-A m goes back");
        person.types("\x01m");
        person.sees("host: back to the guests");
        person.types("\x01l");
        person.sees("bytes of guest demo:");
        person.types("\x01x");
        let (code, rest) = person.leaves();
        assert_eq!(code, Some(4), "{rest}");
        assert!(rest.contains("host: left by Ctrl-A x"), "{rest}");
    }
}

#[test]
fn qemu_s_keys_are_behind_ctrl_t() {
    let mut person = Person::runs("");
    person.sees("Ctrl-T X ends QEMU");
    person.sees(PROMPT);
    person.types("\x14h");
    person.sees("exit emulator");
    person.types("\x14x");
    let (code, rest) = person.leaves();
    assert_eq!(code, Some(4), "{rest}");
    assert!(rest.contains("the machine ended before the Host said so"), "{rest}");
}

#[test]
fn a_person_who_leaves_behind_a_forged_end_gets_code_4() {
    let forger = artefacts::guest("forged_end");
    let mut person = Person::runs(&format!("--kernel {} --append stay", forger.display()));
    person.sees("end, exit code 0\r");
    person.types("\x14x");
    assert_eq!(person.leaves().0, Some(4));
}

/// A person may think as long as they like.
#[test]
fn a_session_at_a_terminal_is_not_ended_for_being_idle() {
    let mut person = Person::runs("--idle 1");
    person.sees(PROMPT);
    std::thread::sleep(std::time::Duration::from_secs(5));
    person.types("poweroff\r");
    assert_eq!(person.leaves().0, Some(0));
}
