//! Sessions with the demo Guest, by script, as the README promises them.

use std::path::Path;
use std::process::Command;

use emulated::scratch::Scratch;
use emulated::{Bochs, Boot, Outcome, Qemu, Session, artefacts};

/// What the demo prints when it waits for a command.
pub const PROMPT: &str = "demo> ";

/// Words only this test knows, on the Guest's command line.
const WORDS: &str = "quick brown fox";

/// All commands there are.
const COMMANDS: [&str; 14] = [
    "help", "mem", "uptime", "echo", "fault", "user", "disks", "sum", "net", "ping", "random", "crash",
    "reboot", "poweroff",
];

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

/// Every command but those for devices, `crash` and `reboot`, which have tests of their own.
fn every_command_answers(mut session: Session) {
    let help = answer(&mut session, "help");
    for command in COMMANDS {
        assert!(help.contains(&format!("\n  {command} ")), "help does not mention {command}:\n{help}");
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

/// A demo as the ISO has it, but for a disk that cannot be written, and one of which no page is full.
fn furnished(scratch: &Scratch) -> Boot {
    let line = format!("guest name=demo mem=16M disk=vda,odd net=lan -- {WORDS}");
    Boot::bare()
        .with(artefacts::guest("demo"), line)
        .with(scratch.file("vda", text(8192)), "disk name=vda ro")
        .with(scratch.file("odd", text(5 * 512)), "disk name=odd")
}

/// Bytes of which no two neighbours are alike.
fn text(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 + at / 512) as u8).collect()
}

/// What the `sum` of this machine says of a file, without its name.
fn sum_of(file: &Path) -> String {
    let sum = Command::new("sum").arg(file).output().expect("coreutils have it");
    String::from_utf8(sum.stdout).unwrap().split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

/// Disks, network and chance.
fn devices_serve(scratch: &Scratch, mut session: Session) {
    let disks = answer(&mut session, "disks");
    assert!(disks.contains("vda       16 sectors, 8 KiB, read-only\n"), "{disks}");
    assert!(disks.contains("odd       5 sectors, 2 KiB, mine to write\n"), "{disks}");
    for name in ["vda", "odd"] {
        let (said, sum) = (answer(&mut session, &format!("sum {name}")), sum_of(&scratch.path(name)));
        let words: Vec<&str> = said.split_whitespace().collect();
        assert!(words.join(" ").ends_with(&format!(" {sum} {name}")), "{sum} is not in {said}");
    }
    assert!(answer(&mut session, "sum nonsense").contains("no disk \"nonsense\""));
    let net = answer(&mut session, "net");
    assert!(net.contains("address   10.77.0.8, by DHCP") && net.contains("gateway   10.77.0.1"), "{net}");
    assert!(answer(&mut session, "ping").contains("10.77.0.1 answers after "));
    assert!(answer(&mut session, "ping 10.77.0.99").contains("10.77.0.99 does not answer."));
    assert!(answer(&mut session, "ping nobody").contains("\"nobody\" is no address"));
    let (one, other) = (sample(&mut session), sample(&mut session));
    assert_ne!(one, other);
    let outcome = end(session, "poweroff", 0);
    assert!(outcome.host_lines().any(|line| line.starts_with("net lan: demo: ")), "{}", outcome.log);
}

/// The answer to `random`: 16 bytes.
#[track_caller]
fn sample(session: &mut Session) -> u128 {
    let said = answer(session, "random");
    let line = said.lines().find(|line| line.len() == 32).unwrap_or_else(|| panic!("no bytes in {said}"));
    u128::from_str_radix(line, 16).unwrap_or_else(|_| panic!("{line} is not hexadecimal"))
}

#[test]
fn devices_serve_in_qemu() {
    let scratch = Scratch::new();
    devices_serve(&scratch, at_prompt(Qemu::kernel(&furnished(&scratch)).start()));
}

#[test]
fn devices_serve_in_bochs() {
    let scratch = Scratch::new();
    devices_serve(&scratch, at_prompt(Bochs::grub(&furnished(&scratch)).start()));
}

#[test]
fn a_demo_without_devices_says_what_would_give_it_some() {
    let mut session = in_qemu();
    assert!(answer(&mut session, "disks").contains("disk=vda"));
    assert!(answer(&mut session, "sum vda").contains("no disk \"vda\""));
    assert!(answer(&mut session, "net").contains("net=lan"));
    assert!(answer(&mut session, "ping").contains("net=lan"));
    end(session, "poweroff", 0);
}

#[test]
fn a_reboot_gives_the_devices_back() {
    let scratch = Scratch::new();
    let mut session = at_prompt(Qemu::kernel(&furnished(&scratch)).start());
    for _ in 0..3 {
        assert!(answer(&mut session, "net").contains("10.77.0.8, by DHCP"));
        assert!(answer(&mut session, "disks").contains("odd "));
        session.send("reboot\n");
        session = at_prompt(session);
    }
    end(session, "poweroff", 0);
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

/// The seconds in the answer to `uptime`.
#[track_caller]
fn seconds_up(session: &mut Session) -> f64 {
    let answer = answer(session, "uptime");
    let number = answer.split("up ").nth(1).and_then(|after| after.split(' ').next());
    number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no number in {answer:?}"))
}

#[test]
fn uptime_is_the_time_that_passed_whatever_became_of_the_ticks() {
    let mut session = in_qemu();
    let (first, began) = (seconds_up(&mut session), std::time::Instant::now());
    std::thread::sleep(std::time::Duration::from_secs(3));
    let (passed, up) = (began.elapsed().as_secs_f64(), seconds_up(&mut session) - first);
    assert!((passed - up).abs() < 1.0, "{passed} s passed, and the demo says {up}");
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
    // There was a prompt after each. Each has three lines and the end two; none is lost without a word.
    let starts = ["restarting: ", "used ", "exits "];
    let lines = outcome.guest_lines("demo");
    let shown = lines.filter(|line| starts.iter().any(|start| line.starts_with(start))).count();
    let counts = outcome
        .guest_lines("demo")
        .filter_map(|line| line.strip_suffix(" more lines about it were left out"));
    let left_out: usize = counts.map(|count| count.parse::<usize>().unwrap()).sum();
    assert_eq!(shown + left_out, 50 * 3 + 2, "{shown} shown:\n{}", outcome.log);
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
