//! Guests under GDB: Debian's plain one, at the second serial port.

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

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

/// More than the session of docs/gdb.md.
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

/// Brings the demo to its HALT: to the address of the instruction, with GDB behind it or not.
#[track_caller]
fn find_halt(gdb: &mut Gdb) {
    for _ in 0..50 {
        if gdb.ask("x/i $eip-2").contains("int    $0x1f") {
            gdb.ask("set $halt = $eip - 2");
            return;
        }
        gdb.go("continue");
        thread::sleep(Duration::from_millis(300));
        gdb.interrupt();
        gdb.stopped();
    }
    panic!("the demo does not sleep");
}

/// However long GDB takes over it, a step over HALT ends in the handler of what is pending, and the
/// way back from there is known.
#[test]
fn a_step_over_halt_ends_in_the_handler() {
    let scratch = Scratch::new();
    let (mut session, mut gdb, connect) = start("demo", "gdb", &scratch);
    session.wait_for(PROMPT);
    gdb.ask(&connect);
    // Numbers and truth as in C, whether the Guest has kept its source language or not.
    gdb.ask("set language c");
    find_halt(&mut gdb);
    // From behind it, asleep, ...
    thread::sleep(Duration::from_secs(2));
    gdb.ask("stepi");
    says(&gdb.ask("info symbol $eip"), &["trap_stubs"]);
    // ... and from the instruction itself.
    gdb.ask("hbreak *$halt");
    says(&gdb.ask("continue"), &["Breakpoint 1"]);
    gdb.ask("delete");
    thread::sleep(Duration::from_secs(4));
    gdb.ask("stepi");
    gdb.ask("stepi");
    says(&gdb.ask("info symbol $eip"), &["trap_stubs"]);
    says(&gdb.ask("backtrace"), &["#0 ", "trap_stubs", "#1 ", "read_byte"]);
    gdb.ask("stepi 4");
    says(&gdb.ask("info symbol $eip"), &["trap_common"]);
    says(&gdb.ask("backtrace"), &["trap_common", "read_byte"]);
    gdb.ask("finish");
    says(&gdb.ask("print $eip == $halt + 2"), &["= 1"]);
    gdb.ask("detach");
    session.send("poweroff\n");
    assert_eq!(session.finish().agreed_exit_code(), 0);
}

/// Every register by its name, FPU and SSE among them, and what is written stays there.
#[test]
fn registers_have_names_and_keep_what_is_written() {
    let scratch = Scratch::new();
    let (mut session, mut gdb, connect) = start("demo", "gdb", &scratch);
    session.wait_for(PROMPT);
    gdb.ask(&connect);
    // Numbers and truth as in C, whether the Guest has kept its source language or not.
    gdb.ask("set language c");
    says(&gdb.ask("info registers fctrl ftag mxcsr cs"), &["0x37f", "0xffff", "0x1f80", "0x61"]);
    gdb.ask("set var $st3 = 1.5");
    gdb.ask("set var $xmm1.uint128 = 77");
    gdb.go("continue");
    session.send("echo alive\n");
    session.wait_for("\nalive\n");
    gdb.interrupt();
    says(&gdb.stopped(), &["SIGINT"]);
    says(&gdb.ask("print $st3"), &["= 1.5"]);
    says(&gdb.ask("print $xmm1.uint128"), &["= 77"]);
    gdb.ask("set var $mxcsr = 0xffffffff");
    gdb.ask("maintenance flush register-cache");
    // DAZ, bit 6, is there or not; what is above bit 15 is reserved.
    let mxcsr = gdb.ask("print/x $mxcsr");
    assert!(mxcsr.contains("= 0xffff\n") || mxcsr.contains("= 0xffbf\n"), "{mxcsr}");
    gdb.ask("detach");
    session.send("poweroff\n");
    assert_eq!(session.finish().agreed_exit_code(), 0);
}

/// `monitor` is the Host's monitor, and a Guest that it ends is gone for GDB too.
#[test]
fn monitor_commands_reach_the_hosts_monitor() {
    let scratch = Scratch::new();
    let socket = scratch.path("gdb");
    let demo = artefacts::guest("demo");
    let mut boot =
        Boot::bare().with(&demo, "guest name=demo mem=16M --").with(&demo, "guest name=b mem=16M --");
    boot.options += " com2=gdb:demo";
    let mut session = Qemu::kernel(&boot).second_line_at(&socket).start();
    session.wait_for(PROMPT);
    session.wait_for(PROMPT);
    let mut gdb = Gdb::start(&demo);
    gdb.ask(&format!("target remote {}", socket.display()));
    says(&gdb.ask("monitor guests"), &["1  demo         stopped  16 MiB"]);
    says(&gdb.ask("monitor help"), &["who is there", "back to the guests"]);
    says(&gdb.ask("monitor dance"), &["there is no command \"dance\"; help lists them"]);
    says(&gdb.ask("monitor trace call 3"), &["call   HALT ("]);
    says(&gdb.ask("monitor regs @nobody"), &["there is no guest \"nobody\""]);
    says(&gdb.ask("monitor kill"), &["guest demo: killed"]);
    says(&gdb.ask("continue"), &["exited normally"]);
    session.send("\x012poweroff\n");
    assert_eq!(session.finish().agreed_exit_code(), 1);
}
