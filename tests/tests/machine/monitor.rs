//! Looking into a Guest from outside: a person at the console, a script at the second line.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use emulated::scratch::Scratch;
use emulated::{Bochs, Boot, Qemu, Session};

use crate::demo::PROMPT;

/// What the monitor says when it is ready.
const READY: &str = "kennel> ";

/// Opens the monitor.
#[track_caller]
fn open(session: &mut Session) {
    session.send("\x01m");
    session.wait_for("host: monitor; help lists the commands");
    session.wait_for(READY);
}

/// Gives the monitor a line, and returns its answer.
#[track_caller]
fn ask(session: &mut Session, line: &str) -> String {
    session.send(&format!("{line}\n"));
    session.wait_for(READY)
}

#[track_caller]
fn says(answer: &str, parts: &[&str]) {
    for part in parts {
        assert!(answer.contains(part), "{part:?} is not in {answer}");
    }
}

/// The line about how often it has left.
fn exits(session: &mut Session) -> String {
    let stats = ask(session, "stats");
    stats.lines().find(|line| line.starts_with("exits ")).expect("it has left").into()
}

fn a_person_looks_inside(mut session: Session) {
    session.wait_for(PROMPT);
    open(&mut session);
    says(&ask(&mut session, "guests"), &["1  demo         ", " 16 MiB  has the focus\n"]);
    // Its own file has the names of its places.
    says(&ask(&mut session, "regs"), &["ring 1  ", "+0x", "interrupts "]);
    says(&ask(&mut session, "walk eip"), &["two-level tables\n", " present writable ", "both agree\n"]);
    says(&ask(&mut session, "x nobody"), &["\"nobody\" is no register, symbol or number"]);
    says(&ask(&mut session, "idt 0x80"), &["80  ", "direct: a trap gate, no exit"]);
    says(&ask(&mut session, "dev\t"), &["\nconsole: features ", "  queue 0  of 256: served "]);
    says(&ask(&mut session, "walk 0"), &["leads to   Guest   nowhere\n", "not mapped by the Guest\n"]);
    says(&ask(&mut session, "dance"), &["there is no command \"dance\""]);
    says(&ask(&mut session, "pause"), &["guest demo: paused\n"]);
    // It ticks a hundred times a second, if it runs.
    let stood = exits(&mut session);
    session.send("\x1b[A\x1b[A");
    session.wait_for("kennel> pause");
    says(&ask(&mut session, ""), &["guest demo: paused\n"]);
    assert_eq!(exits(&mut session), stood);
    ask(&mut session, "resume");
    session.send("\x01mecho back again\n");
    session.wait_for("host: back to the guests\n");
    session.wait_for("\nback again\n");
    open(&mut session);
    says(&ask(&mut session, "restart"), &["guest demo: restarting, by hand\n", "guest demo: restarted\n"]);
    session.send("\x04");
    session.wait_for(PROMPT);
    open(&mut session);
    session.send("kill\n");
    let outcome = session.finish();
    assert_eq!(outcome.exit_code(), Some(1), "{}", outcome.log);
    says(&outcome.log, &["guest demo: killed: ended by hand, from the Host's console\n"]);
}

#[test]
fn a_person_looks_inside_in_qemu() {
    a_person_looks_inside(Qemu::kernel(&Boot::guest("demo", "")).start());
}

#[test]
fn a_person_looks_inside_in_bochs() {
    a_person_looks_inside(Bochs::grub(&Boot::guest("demo", "")).start());
}

/// What has no symbols in it is refused in a sentence, and the Guest has its own.
#[test]
fn symbols_that_are_none_are_refused() {
    let scratch = Scratch::new();
    let map = scratch.file("demo.map", "these are no symbols\n");
    let boot = Boot::guest("demo", "").with(map, "symbols for=demo");
    let mut session = Qemu::kernel(&boot).start();
    session.wait_for(PROMPT);
    open(&mut session);
    says(&ask(&mut session, "x kit::traps::dispatch 4"), &["c01"]);
    says(&ask(&mut session, "bt"), &["#0 ", "this code keeps no frame pointers"]);
    session.send("\x01mpoweroff\n");
    let outcome = session.finish();
    assert_eq!(outcome.exit_code(), Some(2), "{}", outcome.log);
    let why = "it is neither an ELF file nor a list of symbols: line 1 is not what nm prints";
    let module = "host: guest demo: no symbols from module 2, \"";
    says(&outcome.log, &[module, &format!(" symbols for=demo\": {why}\n")]);
}

/// The monitor for scripts, beside a person who types for the Guest meanwhile.
#[test]
fn a_script_looks_inside_while_a_person_types() {
    let scratch = Scratch::new();
    let socket = scratch.path("second");
    let map = scratch.file("demo.map", "c0000000 T everything_there_is\n");
    let mut boot = Boot::guest("demo", "").with(map, "symbols for=demo");
    boot.options += " com2=monitor";
    let mut session = Qemu::kernel(&boot).second_line_at(&socket).start();
    session.wait_for(PROMPT);
    let mut line = UnixStream::connect(&socket).unwrap();
    let mut replies = BufReader::new(line.try_clone().unwrap()).lines();
    let mut ask = |words: &[u8]| {
        line.write_all(words).unwrap();
        replies.next().expect("the line is open").unwrap()
    };
    says(&ask(b"guests\n"), &[r#"{"guests":[{"number":1,"name":"demo","state":""#, r#""focus":true}]}"#]);
    says(&ask(b"regs @demo\r\n"), &[r#"{"regs":{"eax":"#, r#""symbol":"everything_there_is+0x"#]);
    says(&ask(b"xp 0 4\n"), &[r#"{"memory":{"at":0,"is_physical":true,"bytes":""#]);
    says(&ask(b"\x01\xFF\0noise\n"), &[r#"{"error":"the line is no text"}"#]);
    let too_long = [vec![b'x'; 5000], b"\n".to_vec()].concat();
    says(&ask(&too_long), &[r#"{"error":"the line is too long"}"#]);
    session.send("echo typed meanwhile\n");
    session.wait_for("\ntyped meanwhile\n");
    says(&ask(b"kill @2\n"), &[r#"{"error":"there is no guest \"2\""}"#]);
    says(&ask(b"kill @1\n"), &[r#"{"done":{"guest":"demo","what":"killed"}}"#]);
    assert_eq!(session.finish().agreed_exit_code(), 1);
}
