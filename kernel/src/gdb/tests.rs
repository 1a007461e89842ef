//! A conversation with GDB over Guests made of bytes.

use abi::GuestPhys;

use super::intake::framed;
use super::*;
use crate::debug::debugger::INT3;
use crate::scripted::{Ram, new_guest};

/// A line with `count` Guests, lent for good.
fn line(count: usize, waits: bool) -> Session<Ram> {
    let processes = (0..count).map(|task| Process::new(task, format!("guest{task}"))).collect();
    let mut session = Session::new(processes, waits);
    for (task, process) in session.processes().iter_mut().enumerate() {
        process.guest = Some(Box::new(new_guest(task as u32)));
    }
    session
}

fn guest(session: &mut Session<Ram>, task: usize) -> &mut Guest<Ram> {
    session.processes()[task].guest.as_deref_mut().unwrap()
}

/// Says `body` and returns the bodies of the answers.
fn say(session: &mut Session<Ram>, body: &str) -> Vec<String> {
    framed(body.as_bytes()).into_iter().for_each(|byte| session.hear(byte));
    heard(session)
}

fn heard(session: &mut Session<Ram>) -> Vec<String> {
    let said = String::from_utf8(session.take_said()).unwrap();
    let packets = said.split('$').skip(1);
    packets.map(|packet| packet.split('#').next().unwrap().to_owned()).collect()
}

/// As [`say`], with one answer.
#[track_caller]
fn ask(session: &mut Session<Ram>, body: &str) -> String {
    let mut answers = say(session, body);
    assert_eq!(answers.len(), 1, "{body}: {answers:?}");
    answers.remove(0)
}

/// A client has come, and knows of processes.
fn attached(count: usize) -> Session<Ram> {
    let mut session = line(count, false);
    assert!(ask(&mut session, "qSupported:multiprocess+").contains("PacketSize=1000"));
    session
}

#[test]
fn guests_run_until_somebody_is_there() {
    let mut session = line(1, false);
    b"\x03+-noise#00".iter().for_each(|&byte| session.hear(byte));
    assert_eq!((session.wish(0), session.is_attached()), (Wish::Run, false));
    assert!(guest(&mut session, 0).debugger.is_none());
    assert_eq!(ask(&mut session, "?"), "T05thread:1;");
    assert_eq!((session.wish(0), session.wish(1)), (Wish::Hold, Wish::Run), "1 is not to be debugged");
}

#[test]
fn guests_that_wait_do_not_begin() {
    let mut session = line(1, true);
    assert_eq!(session.wish(0), Wish::Hold);
    ask(&mut session, "qSupported");
    assert_eq!(say(&mut session, "vCont;c"), [""; 0]);
    assert_eq!(session.wish(0), Wish::Run);
}

#[test]
fn registers_and_memory_are_read_and_written() {
    let mut session = attached(1);
    guest(&mut session, 0).regs.ecx = 0x1234_5678;
    let registers = ask(&mut session, "g");
    assert!(registers.starts_with("0000000078563412"));
    assert_eq!(ask(&mut session, &format!("G01{}", &registers[2..128])), "OK");
    assert_eq!((guest(&mut session, 0).regs.eax, guest(&mut session, 0).regs.ecx), (1, 0x1234_5678));
    assert_eq!(ask(&mut session, "M1000,2:abcd"), "OK");
    assert_eq!(ask(&mut session, "m1000,2"), "abcd");
    assert_eq!(guest(&mut session, 0).memory.read_u16(GuestPhys(0x1000)), Ok(0xCDAB));
    assert_eq!(ask(&mut session, "mffff,4"), "00", "as far as there is any");
    for nowhere in ["mffc00000,4", "mfffffff0,20", "Mffc00000,1:00"] {
        assert_eq!(ask(&mut session, nowhere), "E01");
    }
}

#[test]
fn a_breakpoint_is_one_guests_and_stops_all() {
    let mut session = attached(2);
    assert_eq!(ask(&mut session, "Hgp2.2"), "OK");
    assert_eq!(ask(&mut session, "Z0,1000,1"), "OK");
    let has_int3 = |guest: &Guest<Ram>| guest.memory.read_u8(GuestPhys(0x1000)) == Ok(INT3);
    assert!(!has_int3(guest(&mut session, 0)) && has_int3(guest(&mut session, 1)));
    assert_eq!(say(&mut session, "vCont;c"), [""; 0]);
    assert_eq!([0, 1].map(|task| session.wish(task)), [Wish::Run; 2]);
    let mut hit = session.processes()[1].guest.take().unwrap();
    hit.debugger.as_mut().unwrap().halt = Some(Halt::Software);
    assert!(session.notice(1, &mut hit) && !session.notice(1, &mut hit));
    assert_eq!(heard(&mut session), ["T05thread:p2.2;swbreak:;"]);
    assert_eq!([0, 1].map(|task| session.wish(task)), [Wish::Hold; 2]);
}

#[test]
fn one_may_step_alone() {
    let mut session = attached(2);
    assert_eq!(say(&mut session, "vCont;s:p2.2"), [""; 0]);
    assert_eq!([0, 1].map(|task| session.wish(task)), [Wish::Hold, Wish::Run]);
    let is_stepping = |guest: &mut Guest<Ram>| guest.debugger.as_ref().unwrap().step.is_some();
    assert_eq!([0, 1].map(|task| is_stepping(guest(&mut session, task))), [false, true]);
}

#[test]
fn processes_are_listed_with_their_names() {
    let mut session = attached(2);
    assert_eq!(ask(&mut session, "qfThreadInfo"), "mp1.1,p2.2");
    assert_eq!(ask(&mut session, "qThreadExtraInfo,p2.2"), "677565737431");
    session.ended(0);
    assert_eq!(ask(&mut session, "qfThreadInfo"), "mp2.2");
    assert_eq!((ask(&mut session, "Tp1.1"), ask(&mut session, "Tp2.2")), ("E01".into(), "OK".into()));
}

#[test]
fn watchpoints_are_as_many_as_there_are_registers() {
    let mut session = attached(1);
    for (body, answer) in
        [("Z2,2001,8", "OK"), ("Z1,1000,1", "E01"), ("z2,2001,8", "OK"), ("Z1,1000,1", "OK")]
    {
        assert_eq!(ask(&mut session, body), answer, "{body}");
    }
    assert_eq!(ask(&mut session, "Z4,ffc00000,4"), "E01");
}

#[test]
fn ctrl_c_stops_what_runs_and_nothing_else() {
    let mut session = attached(1);
    session.hear(3);
    assert_eq!(heard(&mut session), [""; 0]);
    say(&mut session, "c");
    session.hear(3);
    assert_eq!(heard(&mut session), ["T02thread:p1.1;"]);
    assert_eq!(session.wish(0), Wish::Hold);
}

#[test]
fn a_killed_guest_is_kept_as_long_as_somebody_looks() {
    let mut session = attached(1);
    say(&mut session, "c");
    let mut killed = session.processes()[0].guest.take().unwrap();
    assert!(session.keeps(0, &mut killed, KillReason::Panicked));
    assert_eq!(heard(&mut session), ["T06thread:p1.1;"]);
    assert!(!session.keeps(0, &mut killed, KillReason::Panicked), "once");
    session.processes()[0].guest = Some(killed);
    assert_eq!(ask(&mut session, "m1000,1"), "00");
    say(&mut session, "c");
    session.ended(0);
    assert_eq!(heard(&mut session), ["W00;process:1"]);
    assert!(!session.is_attached());
}

#[test]
fn a_client_that_leaves_takes_all_with_it() {
    let mut session = attached(1);
    ask(&mut session, "Z0,1000,1");
    assert_eq!(ask(&mut session, "D;1"), "OK");
    assert!(!session.is_attached() && session.wish(0) == Wish::Run);
    let guest = guest(&mut session, 0);
    assert_eq!(guest.memory.read_u8(GuestPhys(0x1000)), Ok(0));
    assert!(guest.debugger.is_none() && !guest.is_debugged);
}

#[test]
fn a_new_client_begins_anew() {
    let mut session = attached(1);
    assert_eq!(ask(&mut session, "QStartNoAckMode"), "OK");
    say(&mut session, "c");
    // It vanishes, and another one comes, who wants its packets acknowledged.
    framed(b"qSupported").into_iter().for_each(|byte| session.hear(byte));
    assert!(session.take_said().starts_with(b"+$PacketSize"));
    assert_eq!(session.wish(0), Wish::Hold);
}

#[test]
fn nonsense_changes_nothing() {
    let mut session = attached(1);
    assert_eq!(ask(&mut session, "vCont;t:1"), "");
    assert_eq!(ask(&mut session, "vMustReplyEmpty"), "");
    assert_eq!((session.is_attached(), session.wish(0)), (true, Wish::Hold));
}

#[test]
fn gdb_may_kill() {
    let mut session = attached(2);
    assert_eq!(ask(&mut session, "vKill;2"), "OK");
    assert_eq!([0, 1].map(|task| session.wish(task)), [Wish::Hold, Wish::Kill]);
    session.ended(1);
    assert_eq!(session.wish(1), Wish::Run);
}

#[test]
fn the_machine_is_described_in_parts() {
    let mut session = attached(1);
    assert_eq!(ask(&mut session, "qXfer:features:read:target.xml:0,7"), "m<target");
    assert!(ask(&mut session, "qXfer:features:read:target.xml:7,fff").starts_with("l version"));
    assert_eq!(ask(&mut session, "qXfer:features:read:target.xml:ffffffff,fff"), "l");
}
