//! A reader of the serial port that does not always read, and a terminal that is written on by whoever
//! likes: nothing is lost that need not be, nobody waits who did not write, and the Host is legible.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use emulated::{Bochs, Boot, Outcome, Qemu, artefacts};

/// Lines the demo's help has, besides the one it was asked in.
const HELP: &str = "  poweroff  ends me";
/// How often it is asked for.
const TIMES: usize = 120;

/// Starts a demo that is asked for help again and again; its serial port is a pipe.
fn started(mut command: Command) -> Child {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("QEMU starts");
    let mut typing = child.stdin.take().expect("it was asked for");
    let script = "help\n".repeat(TIMES) + "poweroff\n";
    std::thread::spawn(move || {
        // It ends when it has heard enough.
        let _ = typing.write_all(script.as_bytes());
        sleep(Duration::from_secs(60));
    });
    child
}

/// Reads by `pauses`, a piece after each, and then the rest.
fn read(child: &mut Child, pauses: &[u64]) -> String {
    let mut line = child.stdout.take().expect("it was asked for");
    let (mut heard, mut piece) = (Vec::new(), vec![0; 20_000]);
    for pause in pauses {
        sleep(Duration::from_millis(*pause));
        let len = line.read(&mut piece).expect("a pipe can be read");
        heard.extend_from_slice(&piece[..len]);
    }
    line.read_to_end(&mut heard).expect("a pipe can be read");
    String::from_utf8_lossy(&heard).replace('\r', "")
}

fn nothing_is_lost(log: &str) {
    assert_eq!(log.lines().filter(|line| *line == HELP).count(), TIMES, "{log}");
    assert!(log.ends_with("host: end, exit code 0\n") && !log.contains("lost"), "{log}");
}

#[test]
fn a_reader_that_pauses_loses_nothing() {
    for pauses in [&[1500][..], &[200, 200, 200, 1000], &[5000]] {
        let mut child = started(Qemu::kernel(&Boot::guest("demo", "")).on_a_pipe());
        nothing_is_lost(&read(&mut child, pauses));
        assert_eq!(child.wait().expect("QEMU ends").code(), Some(1));
    }
}

#[test]
fn a_terminal_that_pauses_loses_nothing() {
    let qemu = Qemu::kernel(&Boot::guest("demo", "")).on_a_pipe();
    let quoted = |word: &std::ffi::OsStr| format!("'{}'", word.to_string_lossy());
    let words: Vec<String> =
        std::iter::once(quoted(qemu.get_program())).chain(qemu.get_args().map(quoted)).collect();
    let mut script = Command::new("script");
    script.args(["-qfec", &format!("stty raw -echo; exec {}", words.join(" ")), "/dev/null"]);
    let mut child = started(script);
    nothing_is_lost(&read(&mut child, &[2000, 500]));
}

/// Nobody reads for longer than anybody waits: the newest is kept, what is lost is said, and so is the
/// end.
#[test]
fn what_nobody_reads_is_counted_and_the_end_is_told() {
    let boot = Boot::guest("hostile_console", "pages=200");
    let mut child = started(Qemu::kernel(&boot).on_a_pipe());
    let log = read(&mut child, &[14_000]);
    assert!(log.lines().any(|line| line.starts_with("host: ") && line.contains(" bytes lost: ")), "{log}");
    assert!(log.contains("test: PASS hostile_console\n"), "{log}");
    assert!(log.ends_with("host: end, exit code 0\n"), "{log}");
}

/// The writer waits for the pipe; its neighbour does not.
#[test]
fn a_neighbour_of_a_writer_does_not_wait_for_the_line() {
    let boot = Boot::guest("hostile_console", "pages=400")
        .with(artefacts::guest("innocent"), "guest name=innocent mem=4M -- rounds=20 within=8000");
    let mut child = started(Qemu::kernel(&boot).on_a_pipe());
    let log = read(&mut child, &[6000]);
    assert!(log.contains("test: PASS innocent\n") && !log.contains("lost"), "{log}");
}

/// At 115,200 baud, which Bochs keeps, a page of text takes a third of a second.
#[test]
fn a_neighbour_of_a_writer_is_not_held_up_at_115200_baud() {
    let boot = Boot::guest("hostile_console", "pages=16")
        .with(artefacts::guest("innocent"), "guest name=innocent mem=4M -- rounds=4 within=3000");
    let outcome = Bochs::grub(&boot).start().finish();
    for name in ["hostile_console", "innocent"] {
        assert!(outcome.log.contains(&format!("test: PASS {name}\n")), "{}", outcome.log);
    }
    assert_eq!(outcome.exit_code(), Some(0));
}

/// One that attacks the terminal, beside an innocent one.
fn attacked(how: &str) -> Outcome {
    let boot = Boot::guest("hostile_terminal", &format!("how={how}"))
        .with(artefacts::guest("innocent"), "guest name=innocent mem=4M -- rounds=20");
    let outcome = Qemu::kernel(&boot).counted().start().finish();
    assert!(outcome.log.contains("test: PASS innocent\n"), "{}", outcome.log);
    outcome
}

#[test]
fn a_line_of_the_host_is_legible_behind_whatever_a_guest_prints() {
    let outcome = attacked("escape");
    assert_eq!(outcome.agreed_exit_code(), 1);
    assert!(outcome.killed("hostile_terminal").is_some(), "{}", outcome.log);
    let before = outcome.log.split("guest hostile_terminal: killed").next().unwrap_or_default();
    for (set, undone) in [("\x1b[8m", "\x1b[0m"), ("\x1b[?25l", "\x1b[?25h"), ("\x1b[?1049h", "\x1b[?1049l")]
    {
        assert!(before.rfind(undone) > before.rfind(set), "{set:?} in\n{}", outcome.log);
    }
    for question in ["\x1b[c", "\x1b[>c", "\x1b[5n", "\x1b[21t", "\x1bP", "\x1b]", "\x05", "\x1bZ"] {
        assert!(!outcome.log.contains(question), "{question:?} in\n{}", outcome.log);
    }
}

#[test]
fn a_guest_cannot_imitate_the_host() {
    let outcome = attacked("imitate");
    assert_eq!(outcome.agreed_exit_code(), 1);
    let ends = outcome.log.split(['\n', '\r']).filter(|line| line.starts_with("host: end")).count();
    assert_eq!(ends, 1, "{}", outcome.log);
    assert_eq!(outcome.killed("innocent"), None, "{}", outcome.log);
}

#[test]
fn what_a_guest_makes_the_host_say_is_bounded_and_counted() {
    let outcome = attacked("fail");
    let said =
        outcome.guest_lines("hostile_terminal").filter(|line| line.starts_with("has given up")).count();
    assert!((1..100).contains(&said), "{}", outcome.log);
    assert!(outcome.log.contains("more lines about it were left out\n"), "{}", outcome.log);
}

/// What the end of a Guest that never ends costs the person: nothing but a line now and then.
#[test]
fn restarts_without_end_do_not_flood_the_terminal() {
    let boot = Boot::guest("hostile_terminal", "how=restart");
    let mut session = Qemu::kernel(&boot).start();
    let log = session.wait_for("restarts too often: 5 times a second is the most");
    assert!(log.contains("restarting: host: .[8magain"), "{log}");
    session.wait_for("more lines about it were left out");
    // Which of its three lines are left out from now on, chance decides.
    let start = Instant::now();
    let log = session.wait_for("more lines about it were left out");
    assert!(start.elapsed() > Duration::from_secs(2) && log.lines().count() < 60, "{log}");
}
