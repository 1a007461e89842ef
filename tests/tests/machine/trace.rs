//! What happened to a Guest, told afterwards: by a trace, and by a core file in a debugger.

use std::process::Command;

use emulated::{Boot, Outcome, Qemu, artefacts, scratch::Scratch};

use crate::scripts::script;

/// Runs a Guest with the second line for `role`, saved in `file` of `scratch`.
fn saved(guest: &str, role: &str, scratch: &Scratch, file: &str) -> Outcome {
    let mut boot = Boot::guest(guest, "").with(artefacts::guest("hello"), "guest name=other mem=4M --");
    boot.options += &format!(" com2={role}");
    Qemu::kernel(&boot).second_line(&scratch.path(file)).counted().start().finish()
}

/// What a script prints.
#[track_caller]
fn printed(name: &str, arguments: &[&str]) -> String {
    let output = script(name, arguments, "");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The number behind `word` in the last line about exits of a Guest.
fn counted(outcome: &Outcome, guest: &str, word: &str) -> usize {
    let exits = outcome.guest_lines(guest).filter(|line| line.starts_with("exits ")).last();
    let exits = exits.unwrap_or_else(|| panic!("no exits are told:\n{}", outcome.log));
    exits.split(' ').find_map(|part| part.strip_prefix(word)?.parse().ok()).unwrap()
}

#[test]
fn a_trace_has_every_exit_and_is_read_by_the_script() {
    const GUEST: &str = "handled_page_fault";
    let scratch = Scratch::new();
    let outcome = saved(GUEST, "trace", &scratch, "trace");
    assert_eq!(outcome.agreed_exit_code(), 0, "{}", outcome.log);
    let (file, elf) = (scratch.path("trace"), artefacts::guest(GUEST));
    let (file, elf) = (file.to_str().unwrap(), elf.to_str().unwrap());
    let text = printed("trace", &["--symbols", elf, "--of", GUEST, file]);
    let of = |guest: &str, what: &str| {
        let whose = format!("  {guest:<8} {what}");
        text.lines().filter(|line| line.contains(&whose)).count()
    };
    assert!(of(GUEST, "start") == 1 && of("other", "start") == 1 && !text.contains("were lost"), "{text}");
    for guest in [GUEST, "other"] {
        assert_eq!(
            of(guest, "exit   #PF"),
            counted(&outcome, guest, "page-fault="),
            "{}\n{text}",
            outcome.log
        );
        assert_eq!(of(guest, "exit   Host interrupt"), counted(&outcome, guest, "interrupt="), "{text}");
        assert_eq!(of(guest, "slice  begins"), of(guest, "slice  ends"), "{text}");
    }
    let summary = printed("trace", &["--summary", "--symbols", elf, file]);
    let head = format!("guest {GUEST}: ");
    assert!(summary.contains(&head) && summary.contains("entry_physical+0x"), "{summary}");
    let json = printed("trace", &["--chrome", file]);
    assert!(json.starts_with("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n") && json.ends_with("\n]}\n"));
}

#[test]
fn what_is_no_trace_ends_with_code_2_and_a_sentence() {
    let scratch = Scratch::new();
    let no_map = scratch.file("map", "c0100000 T start\nhello\n");
    let files = [
        (scratch.file("empty", ""), "the file is empty"),
        (scratch.file("text", "hello, world\n"), "the file is no trace"),
        (scratch.path("nowhere"), "cannot be read"),
    ];
    for (file, why) in &files {
        let output = script("trace", &[file.to_str().unwrap()], "");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && said.contains(why), "{said}");
    }
    let outcome = saved("hello", "trace", &scratch, "trace");
    assert_eq!(outcome.agreed_exit_code(), 0, "{}", outcome.log);
    let file = scratch.path("trace");
    let output = script("trace", &["--symbols", no_map.to_str().unwrap(), file.to_str().unwrap()], "");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("line 2 is not what nm prints"), "{said}");
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() - 3]).unwrap();
    let output = script("trace", &[file.to_str().unwrap()], "");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("in the middle of a frame"), "{said}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("  hello    start"));
}

#[test]
fn a_core_of_a_killed_guest_opens_in_gdb() {
    const GUEST: &str = "kill_gate_type";
    let scratch = Scratch::new();
    let outcome = saved(GUEST, "core", &scratch, "core");
    assert!(outcome.guest_lines("other").any(|line| line.starts_with("powered off: ")), "{}", outcome.log);
    let sentence = outcome.killed(GUEST).unwrap_or_else(|| panic!("not killed:\n{}", outcome.log));
    let questions = ["info registers eip", "backtrace", "x/i $eip", "info symbol $esp"];
    let mut gdb = Command::new("gdb");
    gdb.args(["-nx", "-q", "-batch"]).arg(artefacts::guest(GUEST)).arg(scratch.path("core"));
    questions.iter().for_each(|question| {
        gdb.args(["-ex", question]);
    });
    let output = gdb.output().expect("gdb is there");
    let said = String::from_utf8_lossy(&output.stdout);
    let eip = outcome.guest_lines(GUEST).find_map(|line| line.strip_prefix("eip ")?.split(' ').next());
    let place = format!("eip            0x{}", eip.unwrap());
    let end = "Program terminated with signal SIGKILL";
    for words in [&sentence[..40], end, &place, "guest/kit/src/report.rs", "STACK"] {
        assert!(said.contains(words), "gdb does not say \"{words}\":\n{said}\n{}", outcome.log);
    }
}
