//! Guests under GDB: Debian's plain one, at the second serial port.

use std::io::Write as _;
use std::os::unix::net::UnixStream;

use emulated::scratch::Scratch;
use emulated::{Boot, Gdb, Qemu, Session, artefacts, verdict};

use crate::demo::PROMPT;

/// Boots `guest` with the second line open to GDB as `role` says, and GDB with its symbols, which is
/// not connected yet.
fn start(guest: &str, role: &str, scratch: &Scratch) -> (Session, Gdb, String) {
    let socket = scratch.path("gdb");
    let mut boot = Boot::bare().with(artefacts::guest(guest), format!("guest name={guest} mem=16M --"));
    boot.options += &format!(" com2={role}");
    let session = Qemu::kernel(&boot).second_line_at(&socket).start();
    (session, Gdb::start(&artefacts::guest(guest)), format!("target remote {}", socket.display()))
}

#[track_caller]
fn says(answer: &str, words: &[&str]) {
    for word in words {
        assert!(answer.contains(word), "no {word:?} in:\n{answer}");
    }
}

/// The session of docs/debugging.md, and more.
#[test]
fn a_guest_is_debugged_from_its_prompt_to_its_end() {
    let scratch = Scratch::new();
    let (mut session, mut gdb, connect) = start("demo", "gdb", &scratch);
    session.wait_for(PROMPT);
    gdb.ask(&connect);
    says(&gdb.ask("info threads"), &["(demo)"]);

    // Software breakpoints, symbols, the Guest's memory, a step.
    says(&gdb.ask("break stories.rs:24"), &["Breakpoint 1"]);
    says(&gdb.ask("break demo::stories::map_the_page"), &["Breakpoint 2"]);
    gdb.go("continue");
    session.send("fault\n");
    says(&gdb.stopped(), &["Breakpoint 1, demo::stories::fault ()"]);
    let before = gdb.ask("info symbol $eip");
    gdb.ask("stepi");
    let after = gdb.ask("info symbol $eip");
    assert!(before != after && after.contains(before.split(' ').next().unwrap()), "{before}{after}");
    says(&gdb.ask("continue"), &["Breakpoint 2", "stories.rs:36"]);
    says(&gdb.ask("print frame.vector"), &["= 14"]);
    says(&gdb.ask("print/x frame.cs"), &["= 0x61"]);

    // A watchpoint in ring 1: the word that the Guest writes to where nothing is mapped yet.
    gdb.ask("delete");
    gdb.ask("set language c");
    says(&gdb.ask("watch *(unsigned *) 0x12345000"), &["ardware watchpoint 3"]);
    says(&gdb.ask("continue"), &["atchpoint 3", "New value = 42"]);
    gdb.ask("delete");

    // Ctrl-C.
    gdb.go("continue");
    session.wait_for(PROMPT);
    gdb.interrupt();
    says(&gdb.stopped(), &["SIGINT"]);

    // Ring 3: a breakpoint where nothing is mapped yet, a step there.
    gdb.ask("hbreak *0x8048000");
    gdb.go("continue");
    session.send("user\n");
    says(&gdb.stopped(), &["Breakpoint 4, 0x08048000"]);
    says(&gdb.ask("print/x $cs"), &["= 0x73"]);
    says(&gdb.ask("stepi"), &["0x080480"]);
    gdb.ask("delete");
    gdb.go("continue");
    session.wait_for(PROMPT);

    // A Guest that is killed can be looked at before it goes.
    session.send("crash\n");
    says(&gdb.stopped(), &["SIGABRT", "load_task_gate"]);
    says(&gdb.ask("x/i $eip"), &["=> 0xc0"]);
    says(&gdb.ask("continue"), &["exited normally"]);
    let outcome = session.finish();
    assert_eq!(outcome.agreed_exit_code(), 1, "{}", outcome.log);
    says(
        &outcome.log,
        &["guest demo: dies when its debugger lets it: loaded gate", "guest demo: killed: loaded gate"],
    );
}

/// It uses TF, breakpoints and `int3` itself. Undebugged it is one of [`crate::guests`].
#[test]
fn a_guest_that_debugs_itself_does_not_notice() {
    let scratch = Scratch::new();
    let (session, mut gdb, connect) = start("debugging_itself", "gdb,wait", &scratch);
    gdb.ask(&connect);
    gdb.ask("set language c");
    // Nothing is mapped yet that an `int3` could be put into.
    says(&gdb.ask("thbreak debugging_itself"), &["breakpoint 1"]);
    says(&gdb.ask("continue"), &["Temporary breakpoint 1"]);
    says(&gdb.ask("break note"), &["Breakpoint 2"]);
    gdb.ask("ignore 2 3");
    says(&gdb.ask("continue"), &["Breakpoint 2, "]);
    gdb.ask("delete");
    gdb.ask("stepi 1500");
    gdb.ask("hbreak note");
    gdb.ask("ignore 3 2");
    says(&gdb.ask("continue"), &["Breakpoint 3, "]);
    gdb.ask("delete");
    gdb.ask("stepi 200");
    says(&gdb.ask("info program"), &["It stopped after being stepped"]);
    says(&gdb.ask("continue"), &["exited normally"]);
    let outcome = session.finish();
    verdict::judge(&outcome, "debugging_itself").unwrap_or_else(|fault| panic!("{fault}\n{}", outcome.log));
}

/// A client in mid-packet, noise, one that vanishes while a Guest runs and one while it stands still.
#[test]
fn a_client_that_vanishes_leaves_the_line_to_the_next() {
    let scratch = Scratch::new();
    let (mut session, mut gdb, connect) = start("demo", "gdb", &scratch);
    session.wait_for(PROMPT);
    let mut line = UnixStream::connect(scratch.path("gdb")).unwrap();
    line.write_all(b"\x03$m1234#\xFF\0noise$qSupp").unwrap();
    drop(line);
    session.send("echo still here\n");
    session.wait_for("\nstill here\n");

    gdb.ask(&connect);
    gdb.go("continue");
    session.send("echo and here\n");
    session.wait_for("\nand here\n");
    gdb.vanish();
    session.send("echo nobody there\n");
    session.wait_for("\nnobody there\n");

    let mut second = Gdb::start(&artefacts::guest("demo"));
    says(&second.ask(&connect), &["Remote debugging"]);
    second.vanish();
    let mut third = Gdb::start(&artefacts::guest("demo"));
    third.ask(&connect);
    says(&third.ask("info threads"), &["(demo)"]);
    third.ask("detach");
    session.send("poweroff\n");
    assert_eq!(session.finish().agreed_exit_code(), 0);
}

/// Guests are processes; one that is not to be debugged runs on.
#[test]
fn guests_are_processes() {
    let scratch = Scratch::new();
    let socket = scratch.path("gdb");
    let demo = artefacts::guest("demo");
    let mut boot = Boot::bare().with(&demo, "guest name=a mem=16M --").with(&demo, "guest name=b mem=16M --");
    boot.options += " com2=gdb";
    let mut session = Qemu::kernel(&boot).second_line_at(&socket).start();
    session.wait_for(PROMPT);
    session.wait_for(PROMPT);
    let mut gdb = Gdb::start(&demo);
    gdb.ask(&format!("target remote {}", socket.display()));
    says(&gdb.ask("info threads"), &["1.1 (a)", "2.2 (b)"]);
    gdb.ask("set schedule-multiple on");
    gdb.ask("inferior 2");
    says(&gdb.ask(&format!("file {}", demo.display())), &["Reading symbols"]);
    says(&gdb.ask("break stories.rs:24"), &["Breakpoint 1 at"]);
    gdb.go("continue");
    session.send("\x012fault\n");
    says(&gdb.stopped(), &["hit Breakpoint 1", "stories::fault ()"]);
    says(&gdb.ask("info threads"), &["* 2", "2.2 (b)"]);
    gdb.ask("kill inferiors 1 2");
    let outcome = session.finish();
    says(&outcome.log, &["guest a: killed: ", "guest b: killed: "]);
}
